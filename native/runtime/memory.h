// Memory straight from the system: zero-filled, page-aligned, on huge pages where it is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lanewise {

class Memory {
 public:
  Memory() = default;
  /// `data()` is null when the system has not that much (and when `bytes` is 0).
  explicit Memory(int64_t bytes);
  Memory(Memory&& other) noexcept { swap(other); }
  Memory& operator=(Memory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Memory();

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  void swap(Memory& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

/// What the machine has in all: more can never be used, however generous the system is with addresses.
int64_t physical_memory_bytes();

}  // namespace lanewise
