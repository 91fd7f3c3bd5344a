// A mask without this core moves a thread that waits here to another core before the call returns, which is why the
// mask can be put back at once. A thread on any other core does not notice.
#include "placement.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lanewise {

#if defined(__linux__)

int this_thread() { return static_cast<int>(syscall(SYS_gettid)); }

void move_away(int thread) {
  cpu_set_t allowed;  // too small on machines with more than 1024 cores, where threads find free ones
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(thread, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(here, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(thread, sizeof others, &others) != 0) return;
  sched_setaffinity(thread, sizeof allowed, &allowed);
}

#else

int this_thread() { return 0; }
void move_away(int) {}

#endif

}  // namespace lanewise
