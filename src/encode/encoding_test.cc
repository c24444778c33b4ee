#include <cmath>
#include <limits>
#include <random>

#include "assay/encode.h"
#include "base/json.h"
#include "encode/decimal.h"
#include "integers/signed_integer.h"
#include "tensor/test_support.h"

namespace assay::encode {
namespace {

using tensor::decimals;
using tensor::expect_error;
using tensor::vector_bytes;

using Kind = IntegerView::Kind;
constexpr const char* kLargest =
    "10944121435919637611123202872628637544274182200208017171849102093287904247808";

template <class T>
tensor::TensorView view_of(const std::vector<T>& values, tensor::Dtype dtype) {
  auto bytes = std::make_shared<Bytes>(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes->data(), values.data(), bytes->size());
  return {"t", dtype, {values.size()}, *bytes, bytes};
}

Encoding decimal(std::uint32_t scale) { return {Encoding::Kind::kDecimal, scale}; }
const Encoding kBits{Encoding::Kind::kBits, 0};
const Encoding kInt{Encoding::Kind::kInt, 0};

TEST(Encoding, ParsesItsNames) {
  for (const char* text : {"int", "bits", "decimal:0", "decimal:8", "decimal:200"}) {
    EXPECT_EQ(Encoding::parse(text, "x").value().to_string(), text);
  }
  for (const char* text :
       {"", "Bits", "decimal", "decimal:", "decimal:08", "decimal:-1", "decimal:8 ", "decimal:99999999999"}) {
    expect_error(Encoding::parse(text, "x"), ErrorCode::kMalformed, "x");
  }
  expect_error(Encoding::parse("decimal:201", "x"), ErrorCode::kOutOfRange, "over 200");
  expect_error((Encoding{Encoding::Kind::kBits, 1}.validate()), ErrorCode::kOutOfRange, "only decimal");
  expect_error((Encoding{static_cast<Encoding::Kind>(9), 0}.validate()), ErrorCode::kOutOfRange,
               "no such kind");
}

TEST(Encoding, TakesOnlyItsTypes) {
  expect_error(check_encoding(kInt, tensor::Dtype::kF32, "x"), ErrorCode::kUnsupported,
               "int takes no floats");
  expect_error(check_encoding(kBits, tensor::Dtype::kI32, "x"), ErrorCode::kUnsupported, "take no integers");
  expect_error(check_encoding(decimal(1), tensor::Dtype::kI32, "x"), ErrorCode::kUnsupported,
               "take no integers");
  expect_error(check_encoding(kBits, tensor::Dtype::kF64, "x"), ErrorCode::kUnsupported, "no f64");
  expect_error(encode(view_of(std::vector<float>{1}, tensor::Dtype::kF32), kInt), ErrorCode::kUnsupported,
               "t");
  EXPECT_TRUE(check_encoding(kBits, tensor::Dtype::kBF16, "x").ok());
}

TEST(Encoding, IntegersAsTheyAre) {
  const auto check = [](const tensor::TensorView& tensor, Kind kind, std::vector<std::string> expected) {
    const tensor::IntegerArray array = encode(tensor, kInt).value();
    EXPECT_EQ(array.kind(), kind);
    EXPECT_EQ(decimals(array.view()), expected);
  };
  check(view_of(std::vector<std::uint8_t>{0, 1}, tensor::Dtype::kBool), Kind::kI8, {"0", "1"});
  check(view_of(std::vector<std::int8_t>{-128, 127}, tensor::Dtype::kI8), Kind::kI8, {"-128", "127"});
  check(view_of(std::vector<std::uint8_t>{255}, tensor::Dtype::kU8), Kind::kI16, {"255"});
  check(view_of(std::vector<std::int16_t>{-32768}, tensor::Dtype::kI16), Kind::kI16, {"-32768"});
  check(view_of(std::vector<std::uint16_t>{65535}, tensor::Dtype::kU16), Kind::kI32, {"65535"});
  check(view_of(std::vector<std::int32_t>{INT32_MIN}, tensor::Dtype::kI32), Kind::kI32, {"-2147483648"});
  check(view_of(std::vector<std::uint32_t>{UINT32_MAX}, tensor::Dtype::kU32), Kind::kI64, {"4294967295"});
  check(view_of(std::vector<std::int64_t>{INT64_MIN}, tensor::Dtype::kI64), Kind::kI64,
        {"-9223372036854775808"});
  check(view_of(std::vector<std::uint64_t>{5, INT64_MAX}, tensor::Dtype::kU64), Kind::kI64,
        {"5", "9223372036854775807"});
  check(view_of(std::vector<std::uint64_t>{5, UINT64_MAX}, tensor::Dtype::kU64), Kind::kScalar,
        {"5", "18446744073709551615"});
  check(view_of(std::vector<std::int64_t>{}, tensor::Dtype::kI64), Kind::kI64, {});
  expect_error(encode(view_of(std::vector<std::uint8_t>{0, 2}, tensor::Dtype::kBool), kInt),
               ErrorCode::kOutOfRange, "t: value 1");
}

TEST(Encoding, BorrowsWhatIsAlignedAndCopiesWhatIsNot) {
  const std::vector<std::int32_t> values = {1, -2, 3};
  tensor::TensorView tensor = view_of(values, tensor::Dtype::kI32);
  EXPECT_EQ(encode(tensor, kInt).value().view().data(), tensor.bytes.data());
  auto shifted = std::make_shared<Bytes>(13);
  std::memcpy(shifted->data() + 1, values.data(), 12);
  tensor.bytes = ByteSpan(*shifted).subspan(1);
  tensor.owner = shifted;
  const tensor::IntegerArray copy = encode(tensor, kInt).value();
  EXPECT_NE(copy.view().data(), tensor.bytes.data());
  EXPECT_EQ(decimals(copy.view()), (std::vector<std::string>{"1", "-2", "3"}));
  // The array keeps what it borrows.
  tensor::IntegerArray kept;
  {
    const tensor::TensorView gone = view_of(values, tensor::Dtype::kI32);
    kept = encode(gone, kInt).value();
  }
  EXPECT_EQ(kept.view()[2].to_signed_decimal(), "3");
}

TEST(Encoding, BitsArePatterns) {
  const tensor::TensorView bf16 =
      view_of(std::vector<std::uint16_t>{0, 0x8000, 0x3f80, 0xbf80, 0x7f7f, 0xff7f}, tensor::Dtype::kBF16);
  const tensor::IntegerArray array = encode(bf16, kBits).value();
  EXPECT_EQ(array.kind(), Kind::kI16);
  EXPECT_EQ(array.view().data(), bf16.bytes.data());
  EXPECT_EQ(decimals(array.view()),
            (std::vector<std::string>{"0", "-32768", "16256", "-16512", "32639", "-129"}));
  EXPECT_EQ(encode(view_of(std::vector<float>{1.5f}, tensor::Dtype::kF32), kBits).value().view()[0],
            Scalar::from_i64(0x3fc00000));
  for (const std::uint16_t bad : std::initializer_list<std::uint16_t>{0x7f80, 0xff80, 0x7fc1}) {
    expect_error(encode(view_of(std::vector<std::uint16_t>{1, 2, bad}, tensor::Dtype::kBF16), kBits),
                 ErrorCode::kOutOfRange, "t: value 2");
  }
  expect_error(encode(view_of(std::vector<std::uint16_t>{0x7c00}, tensor::Dtype::kF16), kBits),
               ErrorCode::kOutOfRange, "infinite");
  EXPECT_TRUE(encode(view_of(std::vector<std::uint16_t>{0x7bff}, tensor::Dtype::kF16), kBits).ok());
}

TEST(Decimal, ExactValuesWin) {
  const auto at = [](float value, std::uint32_t scale) {
    return encode(view_of(std::vector<float>{value}, tensor::Dtype::kF32), decimal(scale))
        .value()
        .view()[0]
        .to_signed_decimal();
  };
  EXPECT_EQ(at(0.04248f, 16), "424799993634224");
  EXPECT_EQ(at(0.04248f, 8), "4248000");
  EXPECT_EQ(at(0.5f, 0), "0");
  EXPECT_EQ(at(1.5f, 0), "2");
  EXPECT_EQ(at(2.5f, 0), "2");
  EXPECT_EQ(at(-0.5f, 0), "0");
  EXPECT_EQ(at(-2.5f, 0), "-2");
  EXPECT_EQ(at(-3.5f, 0), "-4");
  EXPECT_EQ(at(-0.0f, 5), "0");
}

TEST(Decimal, AgreesWithPython) {
  const Bytes text = vector_bytes("decimal.json");
  const Json cases =
      parse_json({reinterpret_cast<const char*>(text.data()), text.size()}, "decimal.json").value();
  ASSERT_GT(cases.size(), 800u);
  std::size_t refused = 0;
  for (const Json& item : cases) {
    const std::string name = item[0];
    const std::uint64_t bits = std::stoull(item[1].get<std::string>(), nullptr, 16);
    const std::uint32_t scale = item[2];
    const tensor::Dtype dtype = name == "f16"    ? tensor::Dtype::kF16
                                : name == "bf16" ? tensor::Dtype::kBF16
                                : name == "f32"  ? tensor::Dtype::kF32
                                                 : tensor::Dtype::kF64;
    Bytes bytes(tensor::size_of(dtype));
    std::memcpy(bytes.data(), &bits, bytes.size());
    const auto result = encode(tensor::TensorView{"t", dtype, {1}, bytes, {}}, decimal(scale));
    if (item[3].is_null()) {
      expect_error(result, ErrorCode::kOutOfRange, "smaller scale");
      ++refused;
      continue;
    }
    ASSERT_TRUE(result.ok()) << item.dump();
    EXPECT_EQ(result->view()[0].to_signed_decimal(), item[3].get<std::string>()) << item.dump();
    EXPECT_EQ(result->kind(), fits_int64(result->view()[0]) ? Kind::kI64 : Kind::kScalar);
    EXPECT_TRUE(range_of(decimal(scale), dtype).value().contains(result->view()[0]));
  }
  EXPECT_GT(refused, 20u);
}

TEST(Decimal, FastAndGeneralPathsAgree) {
  std::mt19937_64 rng(7);
  std::size_t fast_count = 0;
  for (const tensor::Dtype dtype :
       {tensor::Dtype::kF16, tensor::Dtype::kBF16, tensor::Dtype::kF32, tensor::Dtype::kF64}) {
    const FloatFormat format = format_of(dtype);
    for (const std::uint32_t scale : {0u, 1u, 8u, 16u, 27u, 32u, 44u, 55u, 56u, 90u, 200u}) {
      const DecimalScale decimal_scale(scale);
      for (int i = 0; i < 2000; ++i) {
        const std::uint64_t bits = rng() >> (64 - 8 * tensor::size_of(dtype));
        if (!format.is_finite(bits)) continue;
        const FloatParts parts = format.split(bits);
        unsigned __int128 fast = 0;
        if (!decimal_scale.fast(parts, fast)) continue;
        ++fast_count;
        const auto general = decimal_scale.general(parts);
        ASSERT_TRUE(general.has_value());
        EXPECT_EQ(*general, (DecimalScale::Magnitude{static_cast<std::uint64_t>(fast),
                                                     static_cast<std::uint64_t>(fast >> 64), 0, 0}))
            << bits << " at " << scale;
      }
    }
  }
  EXPECT_GT(fast_count, 30000u);
}

TEST(Decimal, FastPathEdges) {
  // Shifts by exactly 127, 128 and 129 on both sides, with the largest products.
  const DecimalScale one(0);
  unsigned __int128 magnitude = 1;
  EXPECT_TRUE(one.fast({false, 1, 127}, magnitude));
  EXPECT_TRUE(magnitude == static_cast<unsigned __int128>(1) << 127);
  EXPECT_FALSE(one.fast({false, 1, 128}, magnitude));
  EXPECT_FALSE(one.fast({false, 3, 127}, magnitude));
  EXPECT_TRUE(one.fast({false, 0, 1000}, magnitude));
  EXPECT_TRUE(magnitude == 0);
  const DecimalScale wide(55);  // 5^55 has 128 bits
  EXPECT_TRUE(wide.fast({false, 1, -55 - 128}, magnitude));
  EXPECT_TRUE(magnitude == 1);  // 5^55 / 2^128 = 0.82
  EXPECT_TRUE(wide.fast({false, 1, -55 - 129}, magnitude));
  EXPECT_TRUE(magnitude == 0);
  EXPECT_FALSE(wide.fast({false, 2, 0}, magnitude));
  EXPECT_TRUE(DecimalScale(56).fast({false, 0, 0}, magnitude));
  EXPECT_FALSE(DecimalScale(56).fast({false, 1, 0}, magnitude));
  // What has over 256 bits has no magnitude; zero has one at any exponent.
  EXPECT_FALSE(one.general({false, 1, 256}).has_value());
  EXPECT_TRUE(one.general({false, 1, 255}).has_value());
  EXPECT_EQ(one.general({false, 0, 1000}), DecimalScale::Magnitude{});
}

TEST(Decimal, TakesInt64WhereAllFit) {
  // 9223371761976868864 is the largest float below 2^63.
  const std::vector<float> fits = {std::nextafter(9223372036854775808.0f, 0.0f), -9223372036854775808.0f};
  EXPECT_EQ(encode(view_of(fits, tensor::Dtype::kF32), decimal(0)).value().kind(), Kind::kI64);
  const tensor::IntegerArray over =
      encode(view_of(std::vector<float>{1, 9223372036854775808.0f}, tensor::Dtype::kF32), decimal(0)).value();
  EXPECT_EQ(over.kind(), Kind::kScalar);
  EXPECT_EQ(decimals(over.view()), (std::vector<std::string>{"1", "9223372036854775808"}));
}

TEST(Decimal, NamesTheFirstOffendingValue) {
  std::vector<float> values(200000, 1.0f);
  values[150000] = std::numeric_limits<float>::infinity();
  values[199999] = std::numeric_limits<float>::quiet_NaN();
  expect_error(encode(view_of(values, tensor::Dtype::kF32), decimal(8)), ErrorCode::kOutOfRange,
               "t: value 150000: infinite");
  // At a scale where values need Scalars as well.
  expect_error(encode(view_of(values, tensor::Dtype::kF32), decimal(32)), ErrorCode::kOutOfRange,
               "t: value 150000: infinite");
  // Those of 16 bits look like 2^16 and 1.5 * 2^16, which have integers.
  for (const std::uint16_t bad : std::initializer_list<std::uint16_t>{0x7c00, 0xfc00, 0x7e00}) {
    expect_error(encode(view_of(std::vector<std::uint16_t>{1, bad}, tensor::Dtype::kF16), decimal(0)),
                 ErrorCode::kOutOfRange, "t: value 1: infinite or not a number");
  }
  const std::vector<double> large = {1, 1e70, 1e80, 1e300};
  expect_error(encode(view_of(large, tensor::Dtype::kF64), decimal(0)), ErrorCode::kOutOfRange,
               "t: value 2: its integer is over");
  EXPECT_TRUE(encode(view_of(std::vector<double>{1e70, 1e76}, tensor::Dtype::kF64), decimal(0)).ok());
  expect_error(encode(view_of(std::vector<double>{1.1e76}, tensor::Dtype::kF64), decimal(0)),
               ErrorCode::kOutOfRange, "value 0");
}

TEST(Range, CoversWhatTheEncodingMakes) {
  const auto bounds = [](const Encoding& encoding, tensor::Dtype dtype) {
    const Range range = range_of(encoding, dtype).value();
    return std::pair(range.smallest.to_signed_decimal(), range.largest.to_signed_decimal());
  };
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kBool), Pair("0", "1"));
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kU8), Pair("0", "255"));
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kI8), Pair("-128", "127"));
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kU16), Pair("0", "65535"));
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kU64), Pair("0", "18446744073709551615"));
  EXPECT_EQ(bounds(kInt, tensor::Dtype::kI64), Pair("-9223372036854775808", "9223372036854775807"));
  EXPECT_EQ(bounds(kBits, tensor::Dtype::kF16), Pair("-32768", "31743"));
  EXPECT_EQ(bounds(kBits, tensor::Dtype::kBF16), Pair("-32768", "32639"));
  EXPECT_EQ(bounds(kBits, tensor::Dtype::kF32), Pair("-2147483648", "2139095039"));
  EXPECT_EQ(bounds(decimal(2), tensor::Dtype::kF16), Pair("-6550400", "6550400"));
  EXPECT_EQ(bounds(decimal(0), tensor::Dtype::kF32),
            Pair("-340282346638528859811704183484516925440", "340282346638528859811704183484516925440"));
  EXPECT_EQ(bounds(decimal(200), tensor::Dtype::kF16), Pair(std::string("-") + kLargest, kLargest));
  EXPECT_EQ(bounds(decimal(0), tensor::Dtype::kF64), Pair(std::string("-") + kLargest, kLargest));
  const Range range = range_of(kBits, tensor::Dtype::kBF16).value();
  EXPECT_TRUE(range.contains(Scalar::from_i64(-32768)));
  EXPECT_FALSE(range.contains(Scalar::from_i64(-32769)));
  EXPECT_TRUE(range.contains(Scalar::from_i64(32639)));
  EXPECT_FALSE(range.contains(Scalar::from_i64(32640)));
  expect_error(range_of(kBits, tensor::Dtype::kI8), ErrorCode::kUnsupported, "bits");
}

TEST(Decode, IsTheInverse) {
  const auto value = [](const Encoding& encoding, tensor::Dtype dtype, const char* integer) {
    return decode(encoding, dtype, Scalar::from_decimal(integer, "").value()).value();
  };
  EXPECT_EQ(value(kInt, tensor::Dtype::kI64, "-5"), -5.0);
  EXPECT_EQ(value(kBits, tensor::Dtype::kBF16, "-16512"), -1.0);
  EXPECT_EQ(value(kBits, tensor::Dtype::kF16, "1"), std::ldexp(1.0, -24));
  EXPECT_EQ(value(kBits, tensor::Dtype::kF32, "1069547520"), 1.5);
  EXPECT_TRUE(std::signbit(value(kBits, tensor::Dtype::kBF16, "-32768")));
  EXPECT_EQ(value(decimal(8), tensor::Dtype::kF32, "4248000"), 0.04248);
  EXPECT_EQ(value(decimal(32), tensor::Dtype::kF32, "42480000000000000000000000000000"), 0.42480000000000001);
  EXPECT_EQ(value(decimal(200), tensor::Dtype::kF64, "-1"), -1e-200);
  expect_error(decode(kBits, tensor::Dtype::kBF16, Scalar::from_i64(0x7f80)), ErrorCode::kOutOfRange,
               "never gives");
  expect_error(decode(kBits, tensor::Dtype::kBF16, Scalar::from_i64(-128)), ErrorCode::kOutOfRange,
               "never gives");
  expect_error(decode(kInt, tensor::Dtype::kBool, Scalar::from_i64(2)), ErrorCode::kOutOfRange,
               "never gives");
  expect_error(decode(kInt, tensor::Dtype::kF32, Scalar()), ErrorCode::kUnsupported, "int");
  // All finite bfloat16 patterns there and back.
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    if (!kBfloat16.is_finite(bits)) continue;
    const double decoded =
        decode(kBits, tensor::Dtype::kBF16, Scalar::from_i64(static_cast<std::int16_t>(bits))).value();
    const auto back = static_cast<float>(decoded);
    std::uint32_t pattern = 0;
    std::memcpy(&pattern, &back, 4);
    ASSERT_EQ(pattern, bits << 16);
  }
}

TEST(Single, IsTheIntegerOfOneValue) {
  const auto check = [](const tensor::TensorView& tensor, const Encoding& encoding) {
    const tensor::IntegerArray all = encode(tensor, encoding).value();
    for (std::size_t i = 0; i < all.size(); ++i)
      EXPECT_EQ(encode_at(tensor, i, encoding).value(), all.view()[i]) << i;
  };
  check(view_of(std::vector<float>{0.1F, -2.5F, 3e30F}, tensor::Dtype::kF32), decimal(40));
  check(view_of(std::vector<float>{0.1F, -2.5F}, tensor::Dtype::kF32), kBits);
  check(view_of(std::vector<std::uint16_t>{0, 65535}, tensor::Dtype::kU16), kInt);
  // What one value lacks is nothing to another.
  const tensor::TensorView mixed =
      view_of(std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 1.0F, 3e38F}, tensor::Dtype::kF32);
  expect_error(encode_at(mixed, 0, kBits), ErrorCode::kOutOfRange, "infinite or not a number");
  EXPECT_EQ(encode_at(mixed, 1, decimal(1)).value(), Scalar::from_u64(10));
  expect_error(encode_at(mixed, 2, decimal(200)), ErrorCode::kOutOfRange, "smaller scale");
}

TEST(Numbers, AreFiniteWhateverTheEncoding) {
  using tensor::Dtype;
  EXPECT_TRUE(check_numbers(view_of(std::vector<float>{0, 3e38F}, Dtype::kF32)).ok());
  EXPECT_TRUE(check_numbers(view_of(std::vector<std::uint8_t>{0, 255}, Dtype::kU8)).ok());
  EXPECT_TRUE(check_numbers(view_of(std::vector<std::uint8_t>{0, 1}, Dtype::kBool)).ok());
  const auto bad = [](const tensor::TensorView& tensor) {
    const Status status = check_numbers(tensor);
    return status.ok() ? "" : status.error().place;
  };
  EXPECT_EQ(bad(view_of(std::vector<std::uint8_t>{0, 1, 2}, Dtype::kBool)), "t: value 2");
  EXPECT_EQ(bad(view_of(std::vector<std::uint16_t>{0, 0x7c00}, Dtype::kF16)), "t: value 1");
  EXPECT_EQ(bad(view_of(std::vector<std::uint16_t>{0x7f80, 0x7f80}, Dtype::kBF16)), "t: value 0");
  EXPECT_EQ(bad(view_of(std::vector<float>{1, -std::numeric_limits<float>::infinity()}, Dtype::kF32)),
            "t: value 1");
  EXPECT_EQ(bad(view_of(std::vector<double>{std::nan("")}, Dtype::kF64)), "t: value 0");
}

TEST(Numbers, AreWhatTheIntegersStandFor) {
  using tensor::Dtype;
  const auto number = [](const Encoding& encoding, std::optional<Dtype> dtype, std::int64_t integer) {
    return number_of(encoding, dtype, Scalar::from_i64(integer)).value();
  };
  EXPECT_EQ(number(kInt, std::nullopt, -17), "-17");
  EXPECT_EQ(number(kInt, Dtype::kI8, -17), "-17");
  EXPECT_EQ(number(kBits, Dtype::kBF16, 0x3f80), "1");
  EXPECT_EQ(number(kBits, Dtype::kF16, 0x3555), "0.33325195");
  EXPECT_EQ(number(kBits, Dtype::kF32, 0x3dcccccd), "0.1");
  EXPECT_EQ(number(kBits, Dtype::kF32, std::numeric_limits<std::int32_t>::min()), "-0");
  EXPECT_EQ(number(decimal(3), Dtype::kF32, -1250), "-1.25");
  EXPECT_EQ(number(decimal(3), std::nullopt, 7), "0.007");
  EXPECT_EQ(number(decimal(0), std::nullopt, -70), "-70");
  EXPECT_EQ(number(decimal(2), std::nullopt, 0), "0");
  EXPECT_EQ(number(decimal(2), std::nullopt, 1200), "12");
  EXPECT_EQ(number(decimal(2), std::nullopt, 25), "0.25") << "as many digits as places";
  EXPECT_EQ(number(decimal(2), std::nullopt, -5), "-0.05");
  expect_error(number_of(kBits, std::nullopt, Scalar{}), ErrorCode::kUnsupported, "not known");
  expect_error(number_of(kBits, Dtype::kBF16, Scalar::from_u64(0x7f80)), ErrorCode::kOutOfRange, "never");
  expect_error(number_of(kInt, Dtype::kI8, Scalar::from_u64(128)), ErrorCode::kOutOfRange, "never");
}

// No value of the dtype has more places than the least of all, a power of two, has.
TEST(Numbers, RoundingHidesHalfOfTheLastPlace) {
  using tensor::Dtype;
  EXPECT_EQ(largest_rounding_error(kInt, std::nullopt), 0);
  EXPECT_EQ(largest_rounding_error(kBits, Dtype::kF16), 0);
  EXPECT_EQ(largest_rounding_error(decimal(0), Dtype::kF32), 0.5);
  EXPECT_EQ(largest_rounding_error(decimal(8), std::nullopt), 5e-9);
  EXPECT_EQ(largest_rounding_error(decimal(200), std::nullopt), 5e-201);
  EXPECT_EQ(largest_rounding_error(decimal(200), Dtype::kF64), 5e-201);
  for (const auto& [dtype, places] :
       {std::pair(Dtype::kF16, 24U), {Dtype::kBF16, 133U}, {Dtype::kF32, 149U}}) {
    EXPECT_GT(largest_rounding_error(decimal(places - 1), dtype), 0);
    EXPECT_EQ(largest_rounding_error(decimal(places), dtype), 0);
  }
}

TEST(Scale, FollowsTheOriginalPipeline) {
  EXPECT_EQ(default_scale_factor(tensor::Dtype::kF32), 32u);
  EXPECT_EQ(default_scale_factor(tensor::Dtype::kF64), 32u);
  EXPECT_EQ(default_scale_factor(tensor::Dtype::kF16), 16u);
  EXPECT_EQ(default_scale_factor(tensor::Dtype::kBF16), 16u);
  EXPECT_EQ(effective_scale(32, 0).value(), 32u);
  EXPECT_EQ(effective_scale(32, 25).value(), 24u);
  EXPECT_EQ(effective_scale(16, 50).value(), 8u);
  EXPECT_EQ(effective_scale(16, 33.3).value(), 11u);
  EXPECT_EQ(effective_scale(16, 100).value(), 0u);
  EXPECT_EQ(effective_scale(200, 0).value(), 200u);
  expect_error(effective_scale(201, 0), ErrorCode::kOutOfRange, "0 to 200");
  expect_error(effective_scale(16, -1), ErrorCode::kOutOfRange, "percentage");
  expect_error(effective_scale(16, 100.5), ErrorCode::kOutOfRange, "percentage");
  expect_error(effective_scale(16, std::nan("")), ErrorCode::kOutOfRange, "percentage");
}

}  // namespace
}  // namespace assay::encode
