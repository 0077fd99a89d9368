#include "base/fault.h"

#ifdef SANGRE_FAULTS
#include <stdlib.h>
#include <string.h>

bool sgr_fault(const char *name) {
    const char *chosen = getenv("SANGRE_FAULT");
    return chosen && strcmp(chosen, name) == 0;
}
#else
typedef int sgr__no_faults;
#endif
