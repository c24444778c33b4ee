#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "toploc/kernel.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

/// What torch.topk does on a CPU, step by step: pairs of float and index in the order of the indices, NaN
/// first.
std::vector<std::uint32_t> torch_topk(const Bits& values, std::size_t k) {
  using Pair = std::pair<float, std::int64_t>;
  std::vector<Pair> queue;
  for (std::size_t i = 0; i < values.size(); ++i)
    queue.emplace_back(std::fabs(from_bf16(values[i])), static_cast<std::int64_t>(i));
  const auto before = [](const Pair& x, const Pair& y) {
    return (std::isnan(x.first) && !std::isnan(y.first)) || x.first > y.first;
  };
  const auto last = queue.begin() + static_cast<std::ptrdiff_t>(k);
  if (k * 64 <= queue.size()) {
    std::partial_sort(queue.begin(), last, queue.end(), before);
  } else {
    std::nth_element(queue.begin(), last - 1, queue.end(), before);
    std::sort(queue.begin(), last - 1, before);
  }
  std::vector<std::uint32_t> indices;
  for (auto it = queue.begin(); it != last; ++it) indices.push_back(static_cast<std::uint32_t>(it->second));
  std::ranges::sort(indices);
  return indices;
}

std::vector<std::uint32_t> by_stable_sort(const Bits& values, std::size_t k) {
  const auto rank = [&](std::uint32_t i) { return std::min(values[i] & 0x7fff, 0x7f81); };
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return rank(a) > rank(b); });
  order.resize(k);
  std::ranges::sort(order);
  return order;
}

void expect_as_torch(const Bits& values, std::uint32_t k) {
  ASSERT_EQ(select(values, k, TieRule::kLibstdcxx).value(), torch_topk(values, k))
      << values.size() << " " << k;
  ASSERT_EQ(select(values, k, TieRule::kLowerIndex).value(), by_stable_sort(values, k))
      << values.size() << " " << k;
}

class Selection : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { internal::force_kernel(GetParam()); }
  void TearDown() override { internal::force_kernel(internal::kernel_names().back()); }
};
INSTANTIATE_TEST_SUITE_P(Kernels, Selection, testing::ValuesIn(internal::kernel_names()),
                         [](const auto& kernel) { return std::string(kernel.param); });

/// Values of one of several kinds, from no ties to nothing but ties.
Bits random_values(std::mt19937& random, std::size_t count) {
  const auto few = static_cast<std::uint16_t>(1 + random() % 6);
  const auto kind = random() % 6;
  Bits values(count);
  std::uint16_t rising = 0;
  for (std::uint16_t& value : values) {
    const auto bits = static_cast<std::uint16_t>(random());
    const auto sign = static_cast<std::uint16_t>(bits & 0x8000);
    switch (kind) {
      case 0:  // anything, NaN and infinities too
        value = bits;
        break;
      case 1:  // a few magnitudes
        value = static_cast<std::uint16_t>(sign | (0x3f80 + bits % few));
        break;
      case 2:  // zeros, denormals, infinities, NaN of several patterns
        value = static_cast<std::uint16_t>(
            sign | std::array{0, 1, 0x7f7f, 0x7f80, 0x7f81, 0x7fc0, 0x7fff}[bits % 7]);
        break;
      case 3:  // all the same
        value = static_cast<std::uint16_t>(sign | 0x4000);
        break;
      case 4:  // ever larger, with steps of equal ones
        if (bits % few == 0) ++rising;
        value = static_cast<std::uint16_t>(sign | (rising & 0x7fff));
        break;
      default:  // ever smaller
        if (bits % few == 0) ++rising;
        value = static_cast<std::uint16_t>(sign | (0x7fff - (rising & 0x7fff)));
    }
  }
  return values;
}

TEST_P(Selection, IsTorchsOnSmallInputs) {
  std::mt19937 random(1);
  for (int round = 0; round < 4000; ++round) {
    const std::size_t count = 1 + random() % 300;
    const auto k = static_cast<std::uint32_t>(1 + random() % count);
    expect_as_torch(random_values(random, count), k);
  }
}

TEST_P(Selection, IsTorchsAroundTheChangeOfAlgorithm) {
  std::mt19937 random(2);
  for (const std::uint32_t k : {1u, 2u, 3u, 5u, 16u, 31u, 128u}) {
    for (const int beside : {-65, -1, 0, 1, 2, 63, 64, 65, 1000}) {
      for (int round = 0; round < 4; ++round) {
        const auto count =
            static_cast<std::size_t>(std::max(static_cast<int>(k), 64 * static_cast<int>(k) + beside));
        expect_as_torch(random_values(random, count), k);
      }
    }
  }
}

TEST_P(Selection, IsTorchsOnLargeInputs) {
  std::mt19937 random(3);
  for (int round = 0; round < 6; ++round)
    expect_as_torch(random_values(random, 30000 + random() % 40000), 1 + random() % 512);
  for (const std::uint32_t k : {1u, 2u, 4095u, 4096u}) expect_as_torch(random_values(random, 4096), k);
  expect_as_torch(TorchNormal(5).draw(163840), 128);
}

// The median of three is driven to its worst, so that introselect gives up and takes to a heap.
TEST_P(Selection, IsTorchsWhereIntroselectGivesUp) {
  for (const std::size_t half : {64u, 500u, 3000u}) {
    Bits killer(2 * half);
    for (std::size_t i = 0; i < half; ++i) {
      killer[i] = static_cast<std::uint16_t>(0x7000 - (i % 2 == 0 ? i + 1 : half + i + half % 2));
      killer[half + i] = static_cast<std::uint16_t>(0x7000 - 2 * (i + 1));
    }
    for (const std::uint32_t k : {3u, 100u, 127u}) expect_as_torch(killer, k);
  }
}

TEST_P(Selection, FindsTheFirstOneAboveAtEveryPlace) {
  const auto find_above = internal::kernel().find_above;
  for (std::size_t count = 0; count < 200; ++count) {
    const Bits low(count, 0xc000);  // its sign counts for nothing
    EXPECT_EQ(find_above(low.data(), 0, count, 0x4000), count);
    for (std::size_t place = 0; place < count; ++place) {
      Bits values = low;
      values[place] = 0xc001;
      ASSERT_EQ(find_above(values.data(), 0, count, 0x4000), place);
      ASSERT_EQ(find_above(values.data(), place, count, 0x4000), place);
      ASSERT_EQ(find_above(values.data(), place + 1, count, 0x4000), count);
    }
  }
  const Bits largest{0x7f80, 0xffff};
  EXPECT_EQ(find_above(largest.data(), 0, 2, 0x7f80), 1u);
}

TEST(SelectionErrors, Refuses) {
  const Bits values(10, 1);
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex}) {
    EXPECT_EQ(select(values, 0, rule).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(select(values, 11, rule).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(select(Bits(kMaxTopK + 1), kMaxTopK + 1, rule).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(select({}, 1, rule).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(select({values.data(), kMaxChunk + 1}, 1, rule).error().code, ErrorCode::kTooLarge);
  }
}

// Nothing goes before NaN: what lies behind one is not looked at, and here it is not there.
TEST_P(Selection, TakesTheLongestChunk) {
  Bits values(1024, 0x7fff);
  values[0] = 0;
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex})
    EXPECT_EQ(select({values.data(), kMaxChunk}, 1, rule).value(), (std::vector<std::uint32_t>{1}));
}

TEST(TieRules, HaveNames) {
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex})
    EXPECT_EQ(tie_rule(to_string(rule)), rule);
  EXPECT_FALSE(tie_rule("").has_value());
}

}  // namespace
}  // namespace assay::toploc
