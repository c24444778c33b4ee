// What encodings are called, which types they take, and the integers that they can make.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "assay/encode.h"
#include "base/try.h"
#include "encode/decimal.h"
#include "integers/signed_integer.h"

namespace assay::encode {
namespace {

constexpr std::uint32_t kMaxScaleFactor = Encoding::kMaxScale;
constexpr std::string_view kDecimalPrefix = "decimal:";

Scalar negated(const Scalar& value) {
  const auto result = Scalar::from_magnitude(true, value.words, "");
  return result.value();
}

// (r - 1) / 2: r is odd.
Scalar largest_integer() {
  Scalar half;
  for (std::size_t i = 0; i < 4; ++i) {
    half.words[i] = kScalarModulus[i] >> 1 | (i + 1 < 4 ? kScalarModulus[i + 1] << 63 : 0);
  }
  return half;
}

Range integer_range(tensor::Dtype dtype) {
  const auto bits = static_cast<unsigned>(8 * tensor::size_of(dtype));
  switch (dtype) {
    case tensor::Dtype::kBool:
      return {Scalar{}, Scalar::from_u64(1)};
    case tensor::Dtype::kU8:
    case tensor::Dtype::kU16:
    case tensor::Dtype::kU32:
    case tensor::Dtype::kU64:
      return {Scalar{}, Scalar::from_u64(~std::uint64_t{0} >> (64 - bits))};
    default:
      break;
  }
  const std::uint64_t largest = ~std::uint64_t{0} >> (65 - bits);
  return {Scalar::from_i64(-static_cast<std::int64_t>(largest) - 1), Scalar::from_u64(largest)};
}

Range bits_range(tensor::Dtype dtype) {
  const auto bits = static_cast<unsigned>(8 * tensor::size_of(dtype));
  return {Scalar::from_i64(-(std::int64_t{1} << (bits - 1))),
          Scalar::from_u64(format_of(dtype).infinity() - 1)};
}

Range decimal_range(std::uint32_t scale, tensor::Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  Scalar largest = largest_integer();
  if (const auto magnitude = DecimalScale(scale).general(format.split(format.infinity() - 1))) {
    if (const auto scalar = Scalar::from_magnitude(false, *magnitude, "")) largest = *scalar;
  }
  return {negated(largest), largest};
}

double nearest_double(const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Only underflow is out of range here: integers below 2^254 never overflow.
  return code == std::errc{} ? value : 0;
}

/// The integer with its last `scale` digits behind the point, of which zeros at the end are left out.
std::string with_places(std::string digits, std::uint32_t scale) {
  const std::string sign = digits.starts_with('-') ? "-" : "";
  digits.erase(0, sign.size());
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - scale);
  std::string places = digits.substr(whole.size());
  places.erase(places.find_last_not_of('0') + 1);
  return sign + whole + (places.empty() ? "" : "." + places);
}

double value_of_bits(tensor::Dtype dtype, std::uint64_t bits) {
  const FloatParts parts = format_of(dtype).split(bits);
  const double magnitude = std::ldexp(static_cast<double>(parts.mantissa), parts.exponent);
  return parts.negative ? -magnitude : magnitude;
}

}  // namespace

Result<Encoding> Encoding::parse(std::string_view text, std::string_view place) {
  if (text == "int") return Encoding{Kind::kInt, 0};
  if (text == "bits") return Encoding{Kind::kBits, 0};
  if (!text.starts_with(kDecimalPrefix)) {
    return Error{ErrorCode::kMalformed, std::string(place), "an encoding is int, bits or decimal:SCALE"};
  }
  const std::string_view digits = text.substr(kDecimalPrefix.size());
  Encoding encoding{Kind::kDecimal, 0};
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, encoding.scale);
  if (code != std::errc{} || stop != end || (digits.size() > 1 && digits[0] == '0')) {
    return Error{ErrorCode::kMalformed, std::string(place), "decimal: must be followed by a plain number"};
  }
  if (const Status status = encoding.validate(); !status) {
    return Error{ErrorCode::kOutOfRange, std::string(place), status.error().reason};
  }
  return encoding;
}

std::string Encoding::to_string() const {
  switch (kind) {
    case Kind::kInt:
      return "int";
    case Kind::kBits:
      return "bits";
    case Kind::kDecimal:
      break;
  }
  return fmt::format("{}{}", kDecimalPrefix, scale);
}

Status Encoding::validate() const {
  if (kind != Kind::kInt && kind != Kind::kBits && kind != Kind::kDecimal) {
    return Error{ErrorCode::kOutOfRange, "encoding", "no such kind of encoding"};
  }
  if (kind != Kind::kDecimal && scale != 0) {
    return Error{ErrorCode::kOutOfRange, "encoding", "only decimal has a scale"};
  }
  if (scale > kMaxScale) return Error{ErrorCode::kOutOfRange, "encoding", "a scale over 200"};
  return {};
}

Status check_encoding(const Encoding& encoding, tensor::Dtype dtype, std::string_view place) {
  ASSAY_TRY(encoding.validate());
  const char* reason = nullptr;
  if (encoding.kind == Encoding::Kind::kInt && tensor::is_float(dtype)) {
    reason = "int takes no floats: use bits or decimal:SCALE";
  } else if (encoding.kind != Encoding::Kind::kInt && !tensor::is_float(dtype)) {
    reason = "bits and decimal take no integers: use int";
  } else if (encoding.kind == Encoding::Kind::kBits && dtype == tensor::Dtype::kF64) {
    reason = "bits takes no f64: use decimal:SCALE";
  }
  if (reason != nullptr) return Error{ErrorCode::kUnsupported, std::string(place), reason};
  return {};
}

bool Range::contains(const Scalar& integer) const {
  return !signed_less(integer, smallest) && !signed_less(largest, integer);
}

Result<Range> range_of(const Encoding& encoding, tensor::Dtype dtype) {
  ASSAY_TRY(check_encoding(encoding, dtype, encoding.to_string()));
  switch (encoding.kind) {
    case Encoding::Kind::kInt:
      return integer_range(dtype);
    case Encoding::Kind::kBits:
      return bits_range(dtype);
    case Encoding::Kind::kDecimal:
      break;
  }
  return decimal_range(encoding.scale, dtype);
}

Result<double> decode(const Encoding& encoding, tensor::Dtype dtype, const Scalar& integer) {
  const Range range = ASSAY_TRY(range_of(encoding, dtype));
  const std::string digits = integer.to_signed_decimal();
  const Error outside{
      ErrorCode::kOutOfRange, digits,
      fmt::format("{} of {} never gives this integer", encoding.to_string(), tensor::torch_name(dtype))};
  if (!range.contains(integer)) return outside;
  switch (encoding.kind) {
    case Encoding::Kind::kInt:
      return nearest_double(digits);
    case Encoding::Kind::kBits:
      break;
    case Encoding::Kind::kDecimal:
      return nearest_double(fmt::format("{}e-{}", digits, encoding.scale));
  }
  const auto pattern = static_cast<std::uint64_t>(to_int64(integer));
  const std::uint64_t bits = pattern & (~std::uint64_t{0} >> (64 - 8 * tensor::size_of(dtype)));
  if (!format_of(dtype).is_finite(bits)) return outside;
  return value_of_bits(dtype, bits);
}

Result<std::string> number_of(const Encoding& encoding, const std::optional<tensor::Dtype>& dtype,
                              const Scalar& integer) {
  if (dtype) static_cast<void>(ASSAY_TRY(decode(encoding, *dtype, integer)));
  switch (encoding.kind) {
    case Encoding::Kind::kInt:
      return integer.to_signed_decimal();
    case Encoding::Kind::kBits:
      if (!dtype) return Error{ErrorCode::kUnsupported, "bits", "of a dtype that is not known"};
      // The floats of all dtypes that have bits are floats of 32 bits.
      return fmt::format("{}", static_cast<float>(ASSAY_TRY(decode(encoding, *dtype, integer))));
    case Encoding::Kind::kDecimal:
      break;
  }
  return with_places(integer.to_signed_decimal(), encoding.scale);
}

double largest_rounding_error(const Encoding& encoding, const std::optional<tensor::Dtype>& dtype) {
  if (encoding.kind != Encoding::Kind::kDecimal) return 0;
  // A multiple of 2^-k has k decimal places at most.
  if (dtype && -format_of(*dtype).split(1).exponent <= static_cast<int>(encoding.scale)) return 0;
  return nearest_double(fmt::format("5e-{}", encoding.scale + 1));
}

std::uint32_t default_scale_factor(tensor::Dtype dtype) {
  return dtype == tensor::Dtype::kF16 || dtype == tensor::Dtype::kBF16 ? 16 : 32;
}

Result<std::uint32_t> effective_scale(std::uint32_t scale_factor, double quantize_pct) {
  if (scale_factor > kMaxScaleFactor)
    return Error{ErrorCode::kOutOfRange, "scale factor", "must be 0 to 200"};
  if (!(quantize_pct >= 0 && quantize_pct <= 100)) {
    return Error{ErrorCode::kOutOfRange, "quantize", "must be a percentage from 0 to 100"};
  }
  return scale_factor - static_cast<std::uint32_t>(std::floor(scale_factor * quantize_pct / 100));
}

}  // namespace assay::encode
