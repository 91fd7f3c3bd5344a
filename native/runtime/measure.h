// The machine's own limits, as a yardstick for profiles and benchmarks.
#pragma once

namespace lanewise {

/// Fused multiply-adds at full speed on `threads` threads, in FLOP/s. Negative when `isa` is not usable here.
double measure_fma_peak(const char* isa, int threads);

/// Reading memory far larger than the caches, in bytes/s. Negative when `isa` is not usable or memory is short.
double measure_read_bandwidth(const char* isa, int threads);

}  // namespace lanewise
