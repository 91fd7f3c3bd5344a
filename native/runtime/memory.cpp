// Anonymous mappings. Large ones start on a huge-page boundary: page walks cost convolutions several per cent.
#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

namespace lanewise {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

}  // namespace

Memory::Memory(int64_t bytes) {
  if (bytes <= 0 || bytes > physical_memory_bytes()) return;
  const bool huge = bytes >= kHugePage;
  const int64_t slack = huge ? kHugePage : 0;
  const int64_t mapped = round_up(bytes, sysconf(_SC_PAGESIZE));
  void* const start = mmap(nullptr, mapped + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return;
  auto* const first = static_cast<std::byte*>(start);
  const int64_t skip =
      huge ? round_up(reinterpret_cast<intptr_t>(first), kHugePage) - reinterpret_cast<intptr_t>(first) : 0;
  if (skip > 0) munmap(first, skip);
  if (slack - skip > 0) munmap(first + skip + mapped, slack - skip);
#if defined(MADV_HUGEPAGE)
  if (huge) madvise(first + skip, mapped, MADV_HUGEPAGE);
#endif
  data_ = first + skip;
  bytes_ = bytes;
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, round_up(bytes_, sysconf(_SC_PAGESIZE)));
}

int64_t physical_memory_bytes() { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE); }

}  // namespace lanewise
