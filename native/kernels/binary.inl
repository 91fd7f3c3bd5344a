// The functions of op `binary` over rows (binary.h): the twin of lib/ops/binary-functions.ts. Needs lanes.inl.

/// f(a, b).
template <BinaryKind kKind>
LANEWISE_INLINE Vec binary_value(Vec a, Vec b) {
  using enum BinaryKind;
  if constexpr (kKind == kAdd) return add(a, b);
  if constexpr (kKind == kSubtract) return sub(a, b);
  if constexpr (kKind == kMultiply) return mul(a, b);
  if constexpr (kKind == kDivide) return div(a, b);
  if constexpr (kKind == kMaximum) return select(mask_or(less(a, b), is_nan(b)), b, a);
  if constexpr (kKind == kMinimum) return select(mask_or(less(b, a), is_nan(b)), b, a);
  if constexpr (kKind == kEqual) return select(equal(a, b), broadcast(1.0f), zero());
  if constexpr (kKind == kMaximumShare) {
    return select(less(a, b), zero(), select(equal(a, b), broadcast(0.5f), broadcast(1.0f)));
  }
}

template <BinaryKind kKind, bool kStepA, bool kStepB>
LANEWISE_INLINE void binary_rows_of(const BinaryRows& task) {
  const float* a = task.a.data;
  const float* b = task.b.data;
  float* y = task.y;
  for (int64_t row = 0; row < task.rows; ++row, a += task.a.row, b += task.b.row, y += task.count) {
    const Vec one_a = broadcast(*a);
    const Vec one_b = broadcast(*b);
    for_lanes(task.count, [=](int64_t i, auto lanes) {
      Vec u = one_a;
      Vec v = one_b;
      if constexpr (kStepA) u = lanes.read(a + i);
      if constexpr (kStepB) v = lanes.read(b + i);
      lanes.write(y + i, binary_value<kKind>(u, v));
    });
  }
}

template <int kIndex = 0>
static void binary_rows_from(const BinaryRows& task) {
  constexpr BinaryKind kind = static_cast<BinaryKind>(kIndex);
  if (task.kind == kind) {
    if (task.b.step == 0) return binary_rows_of<kind, true, false>(task);
    return task.a.step == 0 ? binary_rows_of<kind, false, true>(task) : binary_rows_of<kind, true, true>(task);
  }
  if constexpr (kIndex + 1 < kBinaryKinds) binary_rows_from<kIndex + 1>(task);
}

/// One of the operands must advance.
static void binary_rows(const BinaryRows& task) { binary_rows_from(task); }
