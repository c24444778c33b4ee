#include "tensor/float_values.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

template <class T>
TensorView weight_of(Dtype dtype, const std::vector<T>& values) {
  auto bytes = std::make_shared<Bytes>(values.size() * sizeof(T));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return {"w", dtype, {values.size()}, *bytes, bytes};
}

std::vector<double> read(const TensorView& weight, std::size_t first, std::size_t step, std::size_t count) {
  std::vector<double> out(count);
  EXPECT_TRUE(read_floats(weight, first, step, out).ok());
  return out;
}

TEST(FloatValues, AreDoublesOfEveryType) {
  const std::vector<double> expected{1, -2.5, 0};
  EXPECT_EQ(read(weight_of<std::uint16_t>(Dtype::kF16, {0x3c00, 0xc100, 0}), 0, 1, 3), expected);
  EXPECT_EQ(read(weight_of<std::uint16_t>(Dtype::kBF16, {0x3f80, 0xc020, 0}), 0, 1, 3), expected);
  EXPECT_EQ(read(weight_of<float>(Dtype::kF32, {1, -2.5F, 0}), 0, 1, 3), expected);
  EXPECT_EQ(read(weight_of<double>(Dtype::kF64, {1, -2.5, 0}), 0, 1, 3), expected);
  // The least and the largest of both short types.
  EXPECT_EQ(read(weight_of<std::uint16_t>(Dtype::kF16, {1, 0x3ff, 0x7bff}), 0, 1, 3),
            (std::vector<double>{0x1p-24, 0x3ffp-24, 65504}));
  EXPECT_EQ(read(weight_of<std::uint16_t>(Dtype::kBF16, {1, 0x7f7f}), 0, 1, 2),
            (std::vector<double>{0x1p-133, 0xffp120}));
}

TEST(FloatValues, AreOfAStepFromAPlaceOn) {
  const TensorView weight = weight_of<float>(Dtype::kF32, {0, 1, 2, 3, 4, 5, 6});
  EXPECT_EQ(read(weight, 1, 2, 3), (std::vector<double>{1, 3, 5}));
  EXPECT_EQ(read(weight, 6, 100, 1), std::vector<double>{6});
  EXPECT_EQ(read(weight, 0, 1, 0), std::vector<double>{});
}

TEST(FloatValues, TheFirstThatIsNotFiniteIsNamed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const TensorView weight =
      weight_of<float>(Dtype::kF32, {kInfinity, 1, std::nanf(""), 3, -kInfinity, std::nanf("")});
  std::vector<double> out(2);
  expect_error(read_floats(weight, 1, 1, out), ErrorCode::kOutOfRange, "w: the value at index 2 is NaN");
  expect_error(read_floats(weight, 2, 2, out), ErrorCode::kOutOfRange, "w: the value at index 2 is NaN");
  expect_error(read_floats(weight, 1, 3, out), ErrorCode::kOutOfRange, "w: the value at index 4 is infinite");
  EXPECT_TRUE(read_floats(weight, 1, 2, out).ok());
  expect_error(read_floats(weight_of<std::uint16_t>(Dtype::kF16, {0, 0xfc00}), 0, 1, out),
               ErrorCode::kOutOfRange, "index 1 is infinite");
  expect_error(read_floats(weight_of<std::uint16_t>(Dtype::kBF16, {0, 0x7f81}), 0, 1, out),
               ErrorCode::kOutOfRange, "index 1 is NaN");
}

TEST(FloatValues, IntegersHaveNone) {
  for (const Dtype dtype : {Dtype::kF16, Dtype::kBF16, Dtype::kF32, Dtype::kF64})
    EXPECT_TRUE(has_floats(dtype));
  std::vector<double> out(1);
  for (const Dtype dtype : {Dtype::kBool, Dtype::kU8, Dtype::kI64}) {
    EXPECT_FALSE(has_floats(dtype));
    expect_error(read_floats(weight_of<std::int64_t>(dtype, {0}), 0, 1, out), ErrorCode::kUnsupported,
                 "a weight is of F32, F16, BF16 or F64");
  }
}

}  // namespace
}  // namespace assay::tensor
