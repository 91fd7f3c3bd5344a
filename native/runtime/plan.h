// A plan as it arrives from TypeScript (lib/plan/encode.ts describes the layout) and as it is executed.
// Nothing in the words is trusted: every index, size and shape is checked before it is used, so that even a plan made
// of random numbers is refused with a sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../generated/op_table.h"

namespace lanewise {

/// Where a tensor lies. Store memory outlives the plan; kept memory is its own; the arena is any plan's between runs.
struct Place {
  enum Memory : int32_t { kStore = 0, kArena = 1, kKept = 2 } memory;
  int64_t offset;
  int64_t bytes;
};

/// One op of the plan with everything its implementation reads, side by side.
struct Step {
  const OpEntry* op;
  const Tensor* inputs[kMaxInputs];
  Tensor outputs[kMaxOutputs];
  int32_t output_index[kMaxOutputs];
  int32_t attrs[kMaxAttrs];
  int numerics;
  bool prepared;        // see ops/op.h
  int64_t prepared_at;  // in the executable's memory for it

  OpArgs args() const { return {inputs, op->max_inputs, outputs, op->n_outputs, attrs, numerics, prepared}; }
};

/// `steps` point into `tensors`: a plan can be moved but not copied.
struct Plan {
  Plan() = default;
  Plan(Plan&&) = default;
  Plan& operator=(Plan&&) = default;

  int64_t arena_bytes = 0;
  int64_t kept_bytes = 0;
  std::vector<Tensor> tensors;
  std::vector<Place> places;
  std::vector<Step> steps;
  /// The first steps, which need to run only when the store has been written to.
  size_t constant_steps = 0;
  /// Whether a run may write to the store. Then nothing is constant.
  bool changes_store = false;

  /// Whether a tensor stays the same until something else writes to the store.
  bool is_constant(const Tensor* tensor) const;
  /// Points every tensor into its memory.
  void bind(std::byte* store, std::byte* kept, std::byte* arena);
};

/// Reads and verifies `count` words. Returns an empty string, or the reason for refusing.
std::string decode_plan(const int32_t* words, size_t count, int64_t store_bytes, Plan& plan);

int64_t element_bytes(int32_t dtype);

}  // namespace lanewise
