/* Planted faults: wrong on purpose, to prove that the oracle finds them. Built in only with SANGRE_FAULTS, and then chosen by name in the
 * environment variable SANGRE_FAULT. In any other build sgr_fault is a constant and costs nothing. */
#ifndef SGR_BASE_FAULT_H
#define SGR_BASE_FAULT_H

#include <stdbool.h>

#ifdef SANGRE_FAULTS
bool sgr_fault(const char *name);
#else
#define sgr_fault(name) false
#endif

#endif
