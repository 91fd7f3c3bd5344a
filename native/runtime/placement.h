// On which core a thread runs: the scheduler's business, except where it lets two threads wait for each other.
#pragma once

namespace lanewise {

/// The calling thread as move_away() knows it; 0 where that does nothing.
int this_thread();

/// Moves `thread` off the core of the calling thread when it may run on another one, which takes it at once; changes
/// nothing for good, and nothing at all on systems other than Linux.
void move_away(int thread);

}  // namespace lanewise
