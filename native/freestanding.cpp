// Stands in for the parts of the C++ runtime that the addon would otherwise need, so that a binary depends on the C
// library alone: it loads where no C++ runtime, an older one, or an older C library than at build time is installed.
// Nothing here ever throws, in keeping with -fno-exceptions: what would be an exception ends the process with a
// sentence.
#if defined(__GLIBCXX__) || __has_include(<bits/c++config.h>)

#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

[[noreturn]] void end(const char* reason) {
  std::fprintf(stderr, "lanewise: %s\n", reason);
  std::abort();
}

void* allocate(std::size_t bytes) {
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  return memory != nullptr ? memory : (end("out of memory"), nullptr);
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes == 0 ? 1 : bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// Called by the containers of libstdc++ where they would throw.
namespace std {
void __throw_bad_alloc() { end("out of memory"); }
void __throw_bad_array_new_length() { end("out of memory"); }
void __throw_length_error(const char* reason) { end(reason); }
void __throw_logic_error(const char* reason) { end(reason); }
void __throw_out_of_range_fmt(const char* reason, ...) { end(reason); }
void __throw_system_error(int) { end("a mutex failed"); }
void __throw_bad_function_call() { end("an empty function was called"); }
}  // namespace std

// Since glibc 2.32 a flag that spares single-threaded programs atomic reference counts; this one is never
// single-threaded.
extern "C" {
extern char __libc_single_threaded;
char __libc_single_threaded = 0;
}

#endif
