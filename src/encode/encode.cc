// Values to integers, over all threads.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "assay/encode.h"
#include "base/threads.h"
#include "base/try.h"
#include "encode/decimal.h"
#include "tensor/load.h"
#include "tensor/reinterpret.h"

namespace assay::encode {
namespace {

constexpr std::size_t kGrain = std::size_t{1} << 15;

// Runs body(i) for all i until it returns false, on each thread; the least i that did, or count.
template <class Body>
std::size_t first_failure(std::size_t count, Body body) {
  std::atomic<std::size_t> first = count;
  Progress progress("encode", count);
  parallel_for(0, count, kGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (body(i)) continue;
      std::size_t seen = first.load();
      while (i < seen && !first.compare_exchange_weak(seen, i)) {
      }
      break;
    }
    progress.advance(end - begin);
  });
  return first.load();
}

Error at_value(const tensor::TensorView& tensor, std::size_t index, std::string_view reason) {
  return {ErrorCode::kOutOfRange, fmt::format("{}: value {}", tensor.name, index), std::string(reason)};
}

constexpr std::string_view kNotFinite = "infinite or not a number";

template <class Bits>
Result<tensor::IntegerArray> encode_bits(const tensor::TensorView& tensor, FloatFormat format) {
  const std::size_t count = tensor.size();
  const std::size_t bad = first_failure(count, [&](std::size_t i) {
    return format.is_finite(tensor::load_at<Bits>(tensor.bytes, i * sizeof(Bits)));
  });
  if (bad < count) return at_value(tensor, bad, kNotFinite);
  return tensor::reinterpret<std::make_signed_t<Bits>>(tensor);
}

// One value: its magnitude, by the fast path where that reaches.
bool decimal_magnitude(const DecimalScale& scale, const FloatParts& parts,
                       DecimalScale::Magnitude& magnitude) {
  unsigned __int128 narrow = 0;
  if (scale.fast(parts, narrow)) {
    magnitude = {static_cast<std::uint64_t>(narrow), static_cast<std::uint64_t>(narrow >> 64), 0, 0};
    return true;
  }
  const auto wide = scale.general(parts);
  if (wide) magnitude = *wide;
  return wide.has_value();
}

bool to_small(bool negative, const DecimalScale::Magnitude& magnitude, std::int64_t& value) {
  const std::uint64_t limit = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
  if ((magnitude[1] | magnitude[2] | magnitude[3]) != 0 || magnitude[0] > limit) return false;
  value = static_cast<std::int64_t>(negative ? 0 - magnitude[0] : magnitude[0]);
  return true;
}

template <class Bits>
class DecimalEncoder {
 public:
  DecimalEncoder(const tensor::TensorView& tensor, FloatFormat format, std::uint32_t scale)
      : tensor_(tensor), format_(format), scale_(scale) {}

  Result<tensor::IntegerArray> encode() const {
    const std::size_t count = tensor_.size();
    std::vector<std::int64_t> small(count);
    const std::size_t stopped = first_failure(count, [&](std::size_t i) {
      DecimalScale::Magnitude magnitude{};
      const std::uint64_t bits = pattern(i);
      if (!format_.is_finite(bits)) return false;
      const FloatParts parts = format_.split(bits);
      return decimal_magnitude(scale_, parts, magnitude) && to_small(parts.negative, magnitude, small[i]);
    });
    if (stopped == count) return tensor::IntegerArray::own(std::move(small));
    small = {};
    return encode_large();
  }

 private:
  [[nodiscard]] std::uint64_t pattern(std::size_t i) const {
    return tensor::load_at<Bits>(tensor_.bytes, i * sizeof(Bits));
  }

  [[nodiscard]] Result<tensor::IntegerArray> encode_large() const {
    const std::size_t count = tensor_.size();
    std::vector<Scalar> large(count);
    const std::size_t bad = first_failure(count, [&](std::size_t i) {
      DecimalScale::Magnitude magnitude{};
      const std::uint64_t bits = pattern(i);
      if (!format_.is_finite(bits)) return false;
      const FloatParts parts = format_.split(bits);
      if (!decimal_magnitude(scale_, parts, magnitude)) return false;
      const auto scalar = Scalar::from_magnitude(parts.negative, magnitude, "");
      if (scalar) large[i] = *scalar;
      return scalar.ok();
    });
    if (bad == count) return tensor::IntegerArray::own(std::move(large));
    return at_value(tensor_, bad,
                    format_.is_finite(pattern(bad)) ? "its integer is over (r - 1) / 2: use a smaller scale"
                                                    : kNotFinite);
  }

  const tensor::TensorView& tensor_;
  FloatFormat format_;
  DecimalScale scale_;
};

}  // namespace

Result<Scalar> encode_at(const tensor::TensorView& tensor, std::uint64_t index, const Encoding& encoding) {
  const std::size_t size = tensor::size_of(tensor.dtype);
  const tensor::TensorView one{tensor.name, tensor.dtype, {1}, tensor.bytes.subspan(index * size, size), {}};
  return ASSAY_TRY(encode(one, encoding)).view()[0];
}

Status check_numbers(const tensor::TensorView& tensor) {
  if (!tensor::is_float(tensor.dtype)) {
    if (tensor.dtype == tensor::Dtype::kBool) static_cast<void>(ASSAY_TRY(tensor::integers_of(tensor)));
    return {};
  }
  const FloatFormat format = format_of(tensor.dtype);
  const std::size_t size = tensor::size_of(tensor.dtype);
  const std::size_t bad = first_failure(tensor.size(), [&](std::size_t i) {
    return format.is_finite(size == 2   ? tensor::load_at<std::uint16_t>(tensor.bytes, i * size)
                            : size == 4 ? tensor::load_at<std::uint32_t>(tensor.bytes, i * size)
                                        : tensor::load_at<std::uint64_t>(tensor.bytes, i * size));
  });
  if (bad < tensor.size()) return at_value(tensor, bad, kNotFinite);
  return {};
}

Result<tensor::IntegerArray> encode(const tensor::TensorView& tensor, const Encoding& encoding) {
  ASSAY_TRY(check_encoding(encoding, tensor.dtype, tensor.name));
  const FloatFormat format = format_of(tensor.dtype);
  switch (encoding.kind) {
    case Encoding::Kind::kInt:
      return tensor::integers_of(tensor);
    case Encoding::Kind::kBits:
      return tensor::size_of(tensor.dtype) == 2 ? encode_bits<std::uint16_t>(tensor, format)
                                                : encode_bits<std::uint32_t>(tensor, format);
    case Encoding::Kind::kDecimal:
      break;
  }
  switch (tensor::size_of(tensor.dtype)) {
    case 2:
      return DecimalEncoder<std::uint16_t>(tensor, format, encoding.scale).encode();
    case 4:
      return DecimalEncoder<std::uint32_t>(tensor, format, encoding.scale).encode();
    default:
      break;
  }
  return DecimalEncoder<std::uint64_t>(tensor, format, encoding.scale).encode();
}

}  // namespace assay::encode
