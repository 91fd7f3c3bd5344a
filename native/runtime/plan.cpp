// Decoding and verification of plans.
#include "plan.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace lanewise {
namespace {

constexpr int32_t kMagic = 0x4c57504c;
constexpr int32_t kVersion = 2;
constexpr int kHeaderWords = 11;
constexpr int kTensorWords = 5 + kMaxRank;
constexpr int64_t kAlignment = 64;
/// Far above any machine, far below where sums of sizes could overflow.
constexpr int64_t kMaxBytes = int64_t{1} << 46;

[[gnu::format(printf, 1, 2)]] std::string sentence(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

int64_t join(int32_t low, int32_t high) {
  return static_cast<int64_t>(uint64_t{static_cast<uint32_t>(high)} << 32 | static_cast<uint32_t>(low));
}

/// The words of a plan with a bound that cannot be forgotten.
struct Reader {
  const int32_t* words;
  size_t left;

  bool take(size_t count, const int32_t*& start) {
    if (left < count) return false;
    start = words;
    words += count;
    left -= count;
    return true;
  }
};

bool overlap(const Place& a, const Place& b) {
  return a.memory == b.memory && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

bool same(const Place& a, const Place& b) { return a.memory == b.memory && a.offset == b.offset && a.bytes == b.bytes; }

std::string decode_tensor(const int32_t* words, int32_t index, int64_t store_bytes, Plan& plan) {
  const int32_t dtype = words[0], memory = words[1], rank = words[4];
  if (dtype < kF32 || dtype > kI32) return sentence("tensor %d has the unknown dtype %d", index, dtype);
  if (memory < Place::kStore || memory > Place::kKept) return sentence("tensor %d has no region", index);
  if (rank < 1 || rank > kMaxRank) return sentence("tensor %d has rank %d, allowed are 1 to %d", index, rank, kMaxRank);
  Tensor tensor{nullptr, rank, dtype, {1, 1, 1, 1, 1, 1}, 1};
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t size = words[5 + axis];
    if (size < 1) return sentence("tensor %d has the size %d at axis %d", index, static_cast<int>(size), axis);
    tensor.dims[axis] = size;
    // Below 2^46 times below 2^31 cannot overflow.
    if (__builtin_mul_overflow(tensor.count, size, &tensor.count) || tensor.count > kMaxBytes) {
      return sentence("tensor %d is too large", index);
    }
  }
  const Place place{static_cast<Place::Memory>(memory), join(words[2], words[3]), tensor.count * element_bytes(dtype)};
  const int64_t available = memory == Place::kStore   ? store_bytes
                            : memory == Place::kArena ? plan.arena_bytes
                                                      : plan.kept_bytes;
  if (place.offset < 0 || place.offset % kAlignment != 0 || place.bytes > available ||
      place.offset > available - place.bytes) {
    return sentence("tensor %d does not lie inside its memory (%lld bytes at %lld of %lld)", index,
                    static_cast<long long>(place.bytes), static_cast<long long>(place.offset),
                    static_cast<long long>(available));
  }
  plan.tensors.push_back(tensor);
  plan.places.push_back(place);
  return {};
}

/// Whether op input `input` and output `output` may share memory: the declared in-place pair, or the same tensor given
/// twice (add(a, a) in place of a).
bool may_share(const OpEntry& op, int output, const Place& input_place, const Place& output_place,
               const Place* in_place_source) {
  return output == op.in_place_output && in_place_source != nullptr && same(*in_place_source, output_place) &&
         same(input_place, output_place);
}

/// An op may not write where it reads, or twice to the same place; kernels and their threads rely on it.
std::string check_aliasing(const OpEntry& op, int32_t index, const int32_t* inputs, int n_inputs,
                           const int32_t* outputs, const Plan& plan) {
  const auto place = [&](int32_t tensor) { return tensor < 0 ? nullptr : &plan.places[tensor]; };
  const Place* const source =
      op.in_place_input >= 0 && op.in_place_input < n_inputs ? place(inputs[op.in_place_input]) : nullptr;
  for (int o = 0; o < op.n_outputs; ++o) {
    const Place& output = *place(outputs[o]);
    for (int other = 0; other < o; ++other) {
      if (overlap(output, *place(outputs[other]))) return sentence("op %d (%s): outputs overlap", index, op.name);
    }
    for (int i = 0; i < n_inputs; ++i) {
      const Place* const input = place(inputs[i]);
      if (input != nullptr && overlap(*input, output) && !may_share(op, o, *input, output, source)) {
        return sentence("op %d (%s): output %d overlaps input %d", index, op.name, o, i);
      }
    }
  }
  for (int i = 0; i < n_inputs; ++i) {
    const Place* const changed = (op.mutated_inputs >> i & 1) != 0 ? place(inputs[i]) : nullptr;
    for (int other = 0; changed != nullptr && other < n_inputs; ++other) {
      const Place* const input = place(inputs[other]);
      if (other != i && input != nullptr && overlap(*changed, *input)) {
        return sentence("op %d (%s): input %d overlaps input %d, which is changed", index, op.name, other, i);
      }
    }
  }
  return {};
}

std::string decode_step(Reader& reader, int32_t index, int numerics, Plan& plan) {
  const auto cut = [&] { return sentence("op %d is cut short", index); };
  const int32_t *head = nullptr, *inputs = nullptr, *outputs = nullptr, *attrs = nullptr;
  if (!reader.take(4, head)) return cut();
  const int32_t opcode = head[0], n_inputs = head[1], n_outputs = head[2], n_attrs = head[3];
  if (opcode < 0 || opcode >= kOpCount) return sentence("op %d has the unknown opcode %d", index, opcode);
  const OpEntry& op = kOpTable[opcode];
  if (op.impl == nullptr) return sentence("op %d (%s) is a view, which has no code", index, op.name);
  if (n_inputs < op.min_inputs || n_inputs > op.max_inputs || n_outputs != op.n_outputs || n_attrs != op.n_attrs) {
    return sentence("op %d (%s) has %d inputs, %d outputs and %d attributes", index, op.name, n_inputs, n_outputs,
                    n_attrs);
  }
  if (!reader.take(n_inputs, inputs) || !reader.take(n_outputs, outputs) || !reader.take(n_attrs, attrs)) return cut();

  const auto tensors = static_cast<int32_t>(plan.tensors.size());
  Step& step = plan.steps.emplace_back();
  step = {};
  step.op = &op;
  step.numerics = numerics;
  for (int i = 0; i < n_inputs; ++i) {
    const bool absent = inputs[i] == -1 && (op.optional_inputs >> i & 1) != 0;
    if (!absent && (inputs[i] < 0 || inputs[i] >= tensors)) {
      return sentence("op %d (%s): input %d is tensor %d of %d", index, op.name, i, inputs[i], tensors);
    }
    step.inputs[i] = absent ? nullptr : &plan.tensors[inputs[i]];
  }
  for (int i = 0; i < n_outputs; ++i) {
    if (outputs[i] < 0 || outputs[i] >= tensors) {
      return sentence("op %d (%s): output %d is tensor %d of %d", index, op.name, i, outputs[i], tensors);
    }
    step.outputs[i] = plan.tensors[outputs[i]];
    step.output_index[i] = outputs[i];
  }
  std::memcpy(step.attrs, attrs, static_cast<size_t>(n_attrs) * sizeof *attrs);

  std::string reason = check_aliasing(op, index, inputs, n_inputs, outputs, plan);
  if (!reason.empty()) return reason;
  if (op.mutated_inputs != 0) plan.changes_store = true;
  for (int i = 0; i < n_outputs; ++i) plan.changes_store |= plan.places[outputs[i]].memory == Place::kStore;
  const char* const refused = op.impl->verify(step.args());
  return refused == nullptr ? std::string{} : sentence("op %d (%s): %s", index, op.name, refused);
}

/// Constant steps read what persists and each other's results, so that these stay right from run to run.
std::string check_constants(const Plan& plan) {
  if (plan.constant_steps > 0 && plan.changes_store) return "the plan changes the store and has constant ops";
  for (size_t s = 0; s < plan.constant_steps; ++s) {
    const Step& step = plan.steps[s];
    for (const Tensor* input : step.inputs) {
      if (input != nullptr && plan.places[input - plan.tensors.data()].memory == Place::kArena) {
        return sentence("op %zu (%s) is constant and reads the arena", s, step.op->name);
      }
    }
    for (int i = 0; i < step.op->n_outputs; ++i) {
      if (plan.places[step.output_index[i]].memory == Place::kArena) {
        return sentence("op %zu (%s) is constant and writes to the arena", s, step.op->name);
      }
    }
  }
  return {};
}

constexpr bool table_fits() {
  for (const OpEntry& op : kOpTable) {
    if (op.max_inputs > kMaxInputs || op.n_outputs > kMaxOutputs || op.n_attrs > kMaxAttrs) return false;
  }
  return true;
}
static_assert(table_fits(), "raise kMaxInputs, kMaxOutputs or kMaxAttrs in ops/op.h");

}  // namespace

int64_t element_bytes(int32_t dtype) { return dtype == kU8 ? 1 : 4; }

std::string decode_plan(const int32_t* words, size_t count, int64_t store_bytes, Plan& plan) {
  Reader reader{words, count};
  const int32_t* head = nullptr;
  if (!reader.take(kHeaderWords, head) || head[0] != kMagic) return "this is not a plan";
  if (head[1] != kVersion) return sentence("the plan has version %d, this binary reads %d", head[1], kVersion);
  if (static_cast<uint32_t>(head[2]) != kOpTableHash) return "the plan was made with another op table";
  plan.arena_bytes = join(head[3], head[4]);
  plan.kept_bytes = join(head[5], head[6]);
  const int32_t tensors = head[7], ops = head[8], constant = head[9], numerics = head[10];
  if (plan.arena_bytes < 0 || plan.arena_bytes > kMaxBytes) return "the plan's arena has an impossible size";
  if (plan.kept_bytes < 0 || plan.kept_bytes > kMaxBytes) return "the plan's kept memory has an impossible size";
  if (numerics != kFast && numerics != kExact) return sentence("the plan has the unknown numerics %d", numerics);
  // Counts are held against what is left before anything is allocated for them.
  if (tensors < 0 || static_cast<size_t>(tensors) > reader.left / kTensorWords)
    return "the plan's tensors are cut short";
  plan.tensors.reserve(tensors);
  plan.places.reserve(tensors);
  for (int32_t i = 0; i < tensors; ++i) {
    const int32_t* tensor = nullptr;
    reader.take(kTensorWords, tensor);
    std::string reason = decode_tensor(tensor, i, store_bytes, plan);
    if (!reason.empty()) return reason;
  }
  if (ops < 0 || static_cast<size_t>(ops) > reader.left / 4) return "the plan's ops are cut short";
  if (constant < 0 || constant > ops) return sentence("%d of the plan's %d ops are constant", constant, ops);
  plan.constant_steps = static_cast<size_t>(constant);
  plan.steps.reserve(ops);
  for (int32_t i = 0; i < ops; ++i) {
    std::string reason = decode_step(reader, i, numerics, plan);
    if (!reason.empty()) return reason;
  }
  return reader.left == 0 ? check_constants(plan) : "the plan has words after its end";
}

bool Plan::is_constant(const Tensor* tensor) const {
  if (tensor == nullptr || changes_store) return false;
  const auto index = static_cast<int32_t>(tensor - tensors.data());
  if (places[index].memory == Place::kStore) return true;
  for (size_t s = 0; s < constant_steps; ++s) {
    for (int i = 0; i < steps[s].op->n_outputs; ++i) {
      if (steps[s].output_index[i] == index) return true;
    }
  }
  return false;
}

void Plan::bind(std::byte* store, std::byte* kept, std::byte* arena) {
  std::byte* const memories[] = {store, arena, kept};
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].data = memories[places[i].memory] + places[i].offset;
  }
  for (Step& step : steps) {
    for (int i = 0; i < step.op->n_outputs; ++i) step.outputs[i].data = tensors[step.output_index[i]].data;
  }
}

}  // namespace lanewise
