// Products of known weights, and packets of them, made without the code that checks them.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "assay/audit_packet.h"
#include "audit/number.h"

namespace assay::audit {

inline PacketHeader sample_header() {
  PacketHeader header;
  for (std::size_t i = 0; i < header.session.size(); ++i) header.session[i] = static_cast<std::uint8_t>(i);
  header.sequence = 5;
  header.product = 3;
  header.dropped = 1;
  header.call = ProductCall::kLinear;
  header.dtype = tensor::Dtype::kF32;
  header.transposed = true;
  header.weight = sha256(Bytes{1});
  header.bias = sha256(Bytes{2});
  header.m = 10;
  header.k = 4;
  header.n = 6;
  header.rows = {1, 9};
  header.columns = {0, 2, 5};
  return header;
}

/// The value that a dtype has nearest to this one.
inline double rounded(double value, tensor::Dtype dtype) {
  if (dtype == tensor::Dtype::kF64) return value;
  const double single = static_cast<float>(value);
  if (dtype == tensor::Dtype::kF32) return single;
  return internal::round_to(
      single, internal::format_of(dtype == tensor::Dtype::kBF16 ? RowDtype::kBF16 : RowDtype::kF16));
}

/// The bytes of a value that the dtype has.
inline void put_value(Bytes& bytes, double value, tensor::Dtype dtype) {
  std::array<std::uint8_t, 8> raw{};
  if (dtype == tensor::Dtype::kF64) {
    std::memcpy(raw.data(), &value, sizeof(value));
  } else if (dtype == tensor::Dtype::kF16) {
    // As the number of steps of 2^-24 for subnormals, else by exponent and fraction.
    const double magnitude = std::fabs(value);
    std::uint32_t bits = 0;
    if (std::isnan(value)) {
      bits = 0x7e00;
    } else if (std::isinf(value)) {
      bits = 0x7c00;
    } else if (magnitude < 0x1p-14) {
      bits = static_cast<std::uint32_t>(magnitude * 0x1p24);
    } else {
      const int exponent = std::ilogb(magnitude);
      bits = static_cast<std::uint32_t>((exponent + 15) << 10) +
             static_cast<std::uint32_t>(std::ldexp(magnitude, 10 - exponent) - 1024);
    }
    if (std::signbit(value)) bits |= 0x8000U;
    raw = {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8)};
  } else {
    const auto single = static_cast<float>(value);
    std::memcpy(raw.data(), &single, sizeof(single));
    if (dtype == tensor::Dtype::kBF16) raw = {raw[2], raw[3]};
  }
  bytes.insert(bytes.end(), raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size_of(dtype)));
}

/// A matrix of doubles that a dtype has.
struct Matrix {
  std::uint64_t rows = 0, columns = 0;
  std::vector<double> values;

  [[nodiscard]] double at(std::uint64_t row, std::uint64_t column) const {
    return values[row * columns + column];
  }
};

inline Matrix random_matrix(std::uint64_t rows, std::uint64_t columns, tensor::Dtype dtype, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix matrix{rows, columns, std::vector<double>(rows * columns)};
  for (double& value : matrix.values) value = rounded(normal(random), dtype);
  return matrix;
}

/// As a tensor that owns its bytes, rounded to a dtype.
inline tensor::TensorView tensor_of(const Matrix& matrix, tensor::Dtype dtype, const std::string& name) {
  auto bytes = std::make_shared<Bytes>();
  for (const double value : matrix.values) put_value(*bytes, rounded(value, dtype), dtype);
  tensor::Shape shape = {matrix.rows, matrix.columns};
  if (matrix.rows == 1) shape = {matrix.columns};
  const ByteSpan span = *bytes;
  return {name, dtype, shape, span, std::move(bytes)};
}

inline Digest digest_of(const tensor::TensorView& tensor) {
  return weight_digest(safetensors_name(tensor.dtype), tensor.shape, tensor.bytes);
}

/// C = A B + bias as hardware computes it: sums of one float after the other, or of doubles, then rounded.
inline double computed(const Matrix& a, const Matrix& b, const Matrix* bias, std::uint64_t row,
                       std::uint64_t column, tensor::Dtype dtype) {
  double sum = 0;
  for (std::uint64_t i = 0; i < a.columns; ++i) {
    sum += a.at(row, i) * b.at(i, column);
    if (dtype != tensor::Dtype::kF64) sum = static_cast<float>(sum);
  }
  return rounded(sum + (bias == nullptr ? 0 : bias->at(0, column)), dtype);
}

/// A product of a batch of rows with a weight that is known, and what a prover samples of it.
struct Product {
  tensor::Dtype dtype = tensor::Dtype::kF32;
  Matrix a, b, bias;
  KnownWeights known;
  PacketHeader header;

  /// Stored as it is, or transposed as a Linear has it; of a weight that is kept in another dtype.
  Product(tensor::Dtype of, bool linear, tensor::Dtype stored, std::uint64_t k = 300) : dtype(of) {
    a = random_matrix(20, k, dtype, 1);
    const Matrix held = random_matrix(k, 30, stored, 2);
    const Matrix held_bias = random_matrix(1, 30, stored, 3);
    b = held;
    bias = held_bias;
    for (Matrix* matrix : {&b, &bias})
      for (double& value : matrix->values) value = rounded(value, dtype);
    Matrix laid = held;
    if (linear) {
      laid = {held.columns, held.rows, std::vector<double>(held.values.size())};
      for (std::uint64_t i = 0; i < held.rows; ++i)
        for (std::uint64_t j = 0; j < held.columns; ++j) laid.values[j * held.rows + i] = held.at(i, j);
    }
    const tensor::TensorView weight = tensor_of(laid, stored, "w");
    const tensor::TensorView added = tensor_of(held_bias, stored, "b");
    header = sample_header();
    header.sequence = 0;
    header.dropped = 0;
    header.call = linear ? ProductCall::kLinear : ProductCall::kMatmul;
    header.dtype = dtype;
    header.transposed = linear;
    header.weight = digest_of(weight);
    header.bias.reset();
    if (linear) header.bias = digest_of(added);
    header.m = 20;
    header.k = k;
    header.n = 30;
    header.rows = {0, 7, 19};
    header.columns = {1, 2, 17, 29};
    known.add(weight);
    known.add(added);
  }

  /// What an honest prover sends.
  [[nodiscard]] Packet packet() const {
    Packet made{header, {}};
    for (const std::uint64_t row : header.rows)
      for (std::uint64_t i = 0; i < header.k; ++i) put_value(made.payload, a.at(row, i), dtype);
    if (!header.weight) {
      for (const std::uint64_t column : header.columns)
        for (std::uint64_t i = 0; i < header.k; ++i) put_value(made.payload, b.at(i, column), dtype);
    }
    for (const std::uint64_t row : header.rows)
      for (const std::uint64_t column : header.columns)
        put_value(made.payload, computed(a, b, header.bias ? &bias : nullptr, row, column, dtype), dtype);
    return made;
  }
};

inline Packet honest_packet(tensor::Dtype dtype) { return Product(dtype, true, dtype).packet(); }

}  // namespace assay::audit
