// The matrices of Winograd's forms, made from their points rather than copied from the kernels.
#pragma once

#include <cmath>
#include <vector>

#include "../kernels/winograd.h"

namespace lanewise::test {

/// F(out, taps) along an axis by the definition (Toom and Cook), at finite points and infinity. Signs may differ from
/// those of the kernels, which move some from one matrix to another.
class WinogradMatrices {
 public:
  using Matrix = std::vector<std::vector<double>>;

  explicit WinogradMatrices(WinogradSide side) : side_(side) {
    if (side.in() == 6) points_ = {0, .625, -.625, 1.5, -1.5};
    if (side.in() == 4) points_ = {0, 1, -1};
    bt = matrix(side.in(), side.in());
    at = matrix(side.out, side.in());
    g = matrix(side.in(), side.taps);
    for (int p = 0; p < side.in(); ++p) {
      const bool finite = p + 1 < side.in();
      std::vector<double> product = {1};  // coefficients, ascending
      double n = 1;
      for (int q = 0; q + 1 < side.in(); ++q) {
        if (q == p) continue;
        if (finite) n *= points_[size_t(p)] - points_[size_t(q)];
        product.push_back(0);
        for (size_t k = product.size() - 1; k > 0; --k) product[k] = product[k - 1] - points_[size_t(q)] * product[k];
        product[0] *= -points_[size_t(q)];
      }
      for (size_t k = 0; k < product.size(); ++k) bt[size_t(p)][k] = product[k];
      for (int i = 0; i < side.out; ++i) at[size_t(i)][size_t(p)] = power(p, i, side.out);
      for (int k = 0; k < side.taps; ++k) g[size_t(p)][size_t(k)] = power(p, k, side.taps) / n;
    }
    a = transposed(at);
    gt = transposed(g);
  }

  Matrix bt, at, g, a, gt;

 private:
  static Matrix matrix(int rows, int cols) { return Matrix(size_t(rows), std::vector<double>(size_t(cols), 0.0)); }
  static Matrix transposed(const Matrix& from) {
    Matrix to = matrix(int(from[0].size()), int(from.size()));
    for (size_t i = 0; i < from.size(); ++i) {
      for (size_t j = 0; j < from[0].size(); ++j) to[j][i] = from[i][j];
    }
    return to;
  }
  /// Of point p, the last of which is infinity: its highest power alone counts.
  double power(int p, int exponent, int exponents) const {
    if (p + 1 == side_.in()) return exponent + 1 == exponents ? 1 : 0;
    return std::pow(points_[size_t(p)], exponent);
  }

  const WinogradSide side_;
  std::vector<double> points_;
};

/// |down| in |across|^T of absolute values, both by rows.
inline void absolute_2d(const WinogradMatrices::Matrix& down, const WinogradMatrices::Matrix& across, const double* in,
                        double* out) {
  const size_t width = across[0].size();
  for (const std::vector<double>& row : down) {
    for (const std::vector<double>& col : across) {
      double sum = 0;
      for (size_t i = 0; i < row.size(); ++i) {
        for (size_t j = 0; j < width; ++j) sum += std::fabs(row[i] * col[j] * in[i * width + j]);
      }
      *out++ = sum;
    }
  }
}

}  // namespace lanewise::test
