/* The followeds workload: which places are in user 1's result, and which never are. */
#ifndef BENCH_FOLLOWEDS_H
#define BENCH_FOLLOWEDS_H

/* A place that user 1's result shows, drawn by *state, which is moved on. */
int bench_place_in_result(unsigned *state);
/* One that nobody's result shows before user 1002's. */
int bench_place_outside(unsigned *state);

#endif
