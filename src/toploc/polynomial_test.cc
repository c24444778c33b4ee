#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "toploc/kernel.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

using Words = std::vector<std::uint32_t>;

std::uint64_t power(std::uint64_t base, std::uint64_t exponent) {
  std::uint64_t result = 1;
  for (; exponent > 0; exponent >>= 1, base = base * base % kPrime) {
    if ((exponent & 1) != 0) result = result * base % kPrime;
  }
  return result;
}

/// Newton's divided differences, expanded: the published library's way, with 64-bit numbers and divisions.
Words by_newton(const Words& x, const Words& y) {
  const std::size_t count = x.size();
  std::vector<std::uint64_t> differences(count);
  for (std::size_t i = 0; i < count; ++i) differences[i] = y[i] % kPrime;
  for (std::size_t level = 1; level < count; ++level) {
    for (std::size_t i = count; i-- > level;) {
      const std::uint64_t rise = differences[i] + kPrime - differences[i - 1];
      const std::uint64_t run = x[i] + kPrime - x[i - level];
      differences[i] = rise * power(run % kPrime, kPrime - 2) % kPrime;
    }
  }
  std::vector<std::uint64_t> coefficients{differences[count - 1]};
  for (std::size_t i = count - 1; i-- > 0;) {
    coefficients.insert(coefficients.begin(), 0);
    for (std::size_t j = 0; j + 1 < coefficients.size(); ++j)
      coefficients[j] = (coefficients[j] + coefficients[j + 1] * (kPrime - x[i])) % kPrime;
    coefficients[0] = (coefficients[0] + differences[i]) % kPrime;
  }
  return {coefficients.begin(), coefficients.end()};
}

/// `count` distinct numbers below `bound`.
Words distinct(std::mt19937& random, std::size_t count, std::uint32_t bound) {
  std::set<std::uint32_t> chosen;
  while (chosen.size() < count) chosen.insert(static_cast<std::uint32_t>(random() % bound));
  Words numbers(chosen.begin(), chosen.end());
  std::shuffle(numbers.begin(), numbers.end(), random);
  return numbers;
}

Words any_words(std::mt19937& random, std::size_t count) {
  Words words(count);
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random());
  return words;
}

class Polynomial : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { internal::force_kernel(GetParam()); }
  void TearDown() override { internal::force_kernel(internal::kernel_names().back()); }
};
INSTANTIATE_TEST_SUITE_P(Kernels, Polynomial, testing::ValuesIn(internal::kernel_names()),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST_P(Polynomial, IsNewtons) {
  std::mt19937 random(1);
  for (std::size_t count = 1; count <= 140; count += 1 + count / 20) {
    const Words x = distinct(random, count, count % 3 == 0 ? static_cast<std::uint32_t>(count) : kPrime);
    const Words y = any_words(random, count);
    EXPECT_EQ(interpolate(x, y).value(), by_newton(x, y)) << count;
  }
}

TEST_P(Polynomial, TakesTheExtremes) {
  // The largest residues everywhere: where 32 bits would overflow, they do here.
  Words x(300);
  std::iota(x.begin(), x.end(), kPrime - 300);
  const Words y(300, kPrime - 1);
  Words constant(300);
  constant[0] = kPrime - 1;
  EXPECT_EQ(interpolate(x, y).value(), constant);
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < 300; ++i) expected += power(kPrime - 1, i) * (kPrime - 1) % kPrime;
  EXPECT_EQ(evaluate(y, Words{kPrime - 1}).value()[0], expected % kPrime);
}

TEST_P(Polynomial, GoesThroughItsPoints) {
  std::mt19937 random(2);
  for (const std::size_t count : {1u, 2u, 7u, 128u, 1000u, 4096u}) {
    const Words x = distinct(random, count, kPrime);
    const Words y = any_words(random, count);
    const Words coefficients = interpolate(x, y).value();
    Words reduced = y;
    for (std::uint32_t& value : reduced) value %= kPrime;
    EXPECT_EQ(evaluate(coefficients, x).value(), reduced) << count;
    EXPECT_LT(*std::ranges::max_element(coefficients), kPrime);
  }
}

TEST_P(Polynomial, ReducesWhatItIsGiven) {
  const Words coefficients{kPrime + 1, UINT32_MAX};
  const Words x{kPrime + 2, UINT32_MAX, 0};
  const std::uint64_t slope = UINT32_MAX % kPrime;
  EXPECT_EQ(evaluate(coefficients, x).value(),
            (Words{static_cast<std::uint32_t>((1 + 2 * slope) % kPrime),
                   static_cast<std::uint32_t>((1 + slope * slope) % kPrime), 1}));
  EXPECT_TRUE(evaluate(coefficients, {}).value().empty());
}

TEST(PolynomialErrors, Refuses) {
  const Words one{1}, two{1, 2}, twice{7, 7};
  EXPECT_EQ(interpolate(one, two).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(interpolate({}, {}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(interpolate(twice, two).error().reason, "7 stands twice");
  EXPECT_EQ(interpolate(Words{kPrime}, one).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(evaluate({}, one).error().code, ErrorCode::kOutOfRange);
  const Words many(kPrime + 1);
  EXPECT_EQ(interpolate(many, many).error().to_string(), "points: 65498 of them, 1 to 65497 are taken");
  const Words most(kPrime);
  EXPECT_EQ(interpolate(most, most).error().reason, "0 stands twice");
}

/// The definition, tried one by one.
std::uint32_t modulus_by_sets(const Words& indices) {
  for (std::uint32_t m = kPrime; m > 0; --m) {
    std::set<std::uint32_t> residues;
    for (const std::uint32_t index : indices) residues.insert(index % m);
    if (residues.size() == indices.size()) return m;
  }
  return 0;
}

TEST(Modulus, IsTheLargestInjectiveOne) {
  std::mt19937 random(3);
  std::size_t below = 0;
  for (int round = 0; round < 200; ++round) {
    const Words indices = distinct(random, 1 + random() % 300, 163840);
    const std::uint32_t modulus = injective_modulus(indices).value();
    EXPECT_EQ(modulus, modulus_by_sets(indices));
    below += modulus < kPrime ? 1 : 0;
  }
  EXPECT_GT(below, 10u);
  EXPECT_EQ(injective_modulus(Words{0, kPrime, 2 * kPrime}).value(), kPrime - 1);
  EXPECT_EQ(injective_modulus(Words{UINT32_MAX}).value(), kPrime);
}

TEST(Modulus, OfIndicesBelowThePrimeIsThePrime) {
  Words everything(kPrime);
  std::iota(everything.begin(), everything.end(), 0);
  EXPECT_EQ(injective_modulus(everything).value(), kPrime);
}

TEST(Modulus, Refuses) {
  EXPECT_EQ(injective_modulus({}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(injective_modulus(Words{3, 1, 3}).error().reason, "3 stands twice");
  EXPECT_EQ(injective_modulus(Words(kPrime + 1)).error().to_string(),
            "indices: 65498 of them, 1 to 65497 are taken");
  // 4000 random indices among 2^32 are distinct for no modulus.
  std::mt19937 random(4);
  EXPECT_EQ(injective_modulus(distinct(random, 4000, UINT32_MAX)).error().reason,
            "no modulus up to 65497 tells all 4000 apart");
}

}  // namespace
}  // namespace assay::toploc
