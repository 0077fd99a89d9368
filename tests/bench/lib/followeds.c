#include "followeds.h"

static unsigned draw(unsigned *state) {
    *state = *state * 1103515245u + 12345u;
    return *state;
}

int bench_place_in_result(unsigned *state) {
    unsigned drawn = draw(state), user = 2 + (drawn >> 8) % 899, k = (drawn >> 20) % 5;
    return (int)((user * 31 + k * 3001) % 15000 + 1);
}

int bench_place_outside(unsigned *state) {
    return (int)(15001 + (draw(state) >> 8) % 5000);
}
