// Which kernel tables this machine can run. GCC's and Clang's __builtin_cpu_supports ask cpuid and also xgetbv, so a
// level counts only when the operating system saves its registers.
#include <cstring>

#include "../kernels/kernels.h"

namespace lanewise {

namespace portable {
extern const Kernels table;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}

static bool has_avx512() {
#if defined(LANEWISE_EMULATE_AVX512)
  return true;
#else
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels table;
}
#endif

int usable_kernels(const Kernels** out) {
  int count = 0;
  out[count++] = &portable::table;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    out[count++] = &avx2::table;
    if (has_avx512()) out[count++] = &avx512::table;
  }
#elif defined(__aarch64__)
  out[count++] = &neon::table;
#endif
  return count;
}

const Kernels* kernels_for(const char* isa) {
  const Kernels* usable[4];
  const int count = usable_kernels(usable);
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(usable[i]->isa, isa) == 0) return usable[i];
  }
  return nullptr;
}

}  // namespace lanewise
