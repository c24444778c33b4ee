#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
#include "field/element.h"
#include "field/kernel.h"
#include "field/limbs_for_test.h"
#include "field/tower.h"

namespace assay {
namespace {

using field::Limbs;

__extension__ using Wide = unsigned __int128;

/// a * b mod m by shifting and adding: shares nothing with Montgomery's method.
Limbs slow_product(const Limbs& a, const Limbs& b, const Limbs& m) {
  const auto add_mod = [&](const Limbs& x, const Limbs& y) {
    Limbs sum{};
    Wide carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      carry += Wide{x[i]} + y[i];
      sum[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (!field::internal::at_least(sum, m)) return sum;
    Wide borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const Wide d = Wide{sum[i]} - m[i] - borrow;
      sum[i] = static_cast<std::uint64_t>(d);
      borrow = d >> 64 & 1;
    }
    return sum;
  };
  Limbs out{};
  for (std::size_t i = 256; i-- > 0;) {
    out = add_mod(out, out);
    if ((b[i / 64] >> (i % 64) & 1) != 0) out = add_mod(out, a);
  }
  return out;
}

template <class T>
class PrimeField : public ::testing::Test {
 protected:
  using Parameters = typename T::Parameters;

  /// Values next to every boundary, then random ones.
  std::vector<Limbs> samples() {
    const Limbs& m = Parameters::kModulus;
    std::vector<Limbs> out = {{0, 0, 0, 0},
                              {1, 0, 0, 0},
                              {2, 0, 0, 0},
                              field::minus_small(m, 1),
                              field::minus_small(m, 2),
                              Parameters::kHalf,
                              Parameters::kOne,
                              {~std::uint64_t{0}, 0, 0, 0},
                              {0, ~std::uint64_t{0}, 0, 0},
                              {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, m[3] - 1},
                              {0, 0, 0, m[3]}};
    std::mt19937_64 rng(1);
    while (out.size() < 40) {
      Limbs x = {rng(), rng(), rng(), rng() >> 2};
      if (!field::internal::at_least(x, m)) out.push_back(x);
    }
    return out;
  }
};

template <class P, class Backend>
using Element = field::Element<P, Backend>;
using Backends = ::testing::Types<
    Element<field::FpParameters, field::PortableBackend>, Element<field::FrParameters, field::PortableBackend>
#if defined(__x86_64__)
    ,
    Element<field::FpParameters, field::AdxBackend>, Element<field::FrParameters, field::AdxBackend>
#endif
    >;
TYPED_TEST_SUITE(PrimeField, Backends);

template <class T>
bool can_run() {
  if constexpr (std::is_same_v<T, Element<typename T::Parameters, field::PortableBackend>>) return true;
  return available_kernels().size() > 1;
}

TYPED_TEST(PrimeField, AgreesWithShiftAndAdd) {
  if (!can_run<TypeParam>()) GTEST_SKIP();
  const Limbs& m = TypeParam::Parameters::kModulus;
  const auto samples = this->samples();
  for (const Limbs& a : samples) {
    const auto x = TypeParam::from_integer(a);
    EXPECT_EQ(x.to_integer(), a);
    for (const Limbs& b : samples) {
      const auto y = TypeParam::from_integer(b);
      EXPECT_EQ((x * y).to_integer(), slow_product(a, b, m));
      EXPECT_EQ((x + y) * (x + y), x * x + x * y + x * y + y.squared());
      EXPECT_EQ(x - y + y, x);
      EXPECT_EQ(-(x - y), y - x);
    }
  }
}

TYPED_TEST(PrimeField, InnerProductsAreSumsOfProducts) {
  if (!can_run<TypeParam>()) GTEST_SKIP();
  const auto samples = this->samples();
  std::vector<TypeParam> all;
  for (const Limbs& a : samples) all.push_back(TypeParam::from_integer(a));
  const auto check = [](const TypeParam& a, const TypeParam& b, const TypeParam& c, const TypeParam& d) {
    const field::Pair ab{a.limbs(), b.limbs()}, bc{b.limbs(), c.limbs()}, cd{c.limbs(), d.limbs()},
        da{d.limbs(), a.limbs()};
    EXPECT_EQ(TypeParam::inner_product(ab, cd), a * c + b * d);
    EXPECT_EQ(TypeParam::inner_product(ab, cd, bc, da), a * c + b * d + b * d + c * a);
    const std::array<Limbs, 6> left{ab[0], ab[1], bc[0], bc[1], ab[0], cd[0]};
    const std::array<Limbs, 6> right{cd[0], cd[1], da[0], da[1], ab[0], da[0]};
    EXPECT_EQ(TypeParam::inner_product(left, right), a * c + b * d + b * d + c * a + a.squared() + c * d);
  };
  for (const TypeParam& a : all) {
    for (const TypeParam& b : all) check(a, b, a, b), check(a, b, b, a), check(a, all[3], b, all[4]);
  }
  // -1 four times over: the largest sums there are.
  const TypeParam top(field::minus_small(TypeParam::Parameters::kModulus, 1));
  check(top, top, top, top);
}

TYPED_TEST(PrimeField, ReducesWhateverFits256Bits) {
  if (!can_run<TypeParam>()) GTEST_SKIP();
  const std::uint64_t ones = ~std::uint64_t{0};
  // 2^256 - 1, from 2^256 in Montgomery form of R^2.
  const TypeParam expected = TypeParam(TypeParam::Parameters::kRSquared) - TypeParam::one();
  EXPECT_EQ(TypeParam::from_integer({ones, ones, ones, ones}), expected);
  EXPECT_TRUE(TypeParam::from_integer(TypeParam::Parameters::kModulus).is_zero());
}

TYPED_TEST(PrimeField, Inverts) {
  if (!can_run<TypeParam>()) GTEST_SKIP();
  std::vector<TypeParam> all;
  for (const Limbs& a : this->samples()) {
    const auto x = TypeParam::from_integer(a);
    all.push_back(x);
    if (x.is_zero()) {
      EXPECT_TRUE(x.inverse().is_zero());
    } else {
      EXPECT_EQ(x * x.inverse(), TypeParam::one());
    }
  }
  std::vector<TypeParam> inverses = all, scratch;
  field::batch_inverse<TypeParam>(inverses, scratch);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(inverses[i], all[i].inverse());
}

template <class F>
F random_element(std::mt19937_64& rng) {
  return F::from_integer({rng(), rng(), rng(), rng()});
}
template <class F>
field::Quadratic<F> random_quadratic(std::mt19937_64& rng) {
  return {random_element<F>(rng), random_element<F>(rng)};
}
template <class F>
field::Dodecic<F> random_dodecic(std::mt19937_64& rng) {
  const auto sextic = [&] {
    return field::Sextic<F>{random_quadratic<F>(rng), random_quadratic<F>(rng), random_quadratic<F>(rng)};
  };
  return {sextic(), sextic()};
}

using Fp = Element<field::FpParameters, field::PortableBackend>;

TEST(Tower, ObeysItsDefiningEquations) {
  using Fp2 = field::Quadratic<Fp>;
  using Fp6 = field::Sextic<Fp>;
  using Fp12 = field::Dodecic<Fp>;
  const Fp2 i{Fp::zero(), Fp::one()};
  EXPECT_EQ(i * i, -Fp2::one());
  const Fp2 xi{Fp::from_u64(9), Fp::one()};
  std::mt19937_64 rng(2);
  const Fp2 a = random_quadratic<Fp>(rng);
  EXPECT_EQ(a.times_xi(), a * xi);
  const Fp6 v{{}, Fp2::one(), {}};
  EXPECT_EQ(v * v * v, (Fp6{xi, {}, {}}));
  const Fp12 w{{}, Fp6::one()};
  EXPECT_EQ(w * w, (Fp12{v, {}}));
}

TEST(Tower, IsARingWithInverses) {
  using Fp12 = field::Dodecic<Fp>;
  std::mt19937_64 rng(3);
  for (int round = 0; round < 10; ++round) {
    const Fp12 a = random_dodecic<Fp>(rng), b = random_dodecic<Fp>(rng), c = random_dodecic<Fp>(rng);
    EXPECT_EQ((a * b) * c, a * (b * c));
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ(a * Fp12({b.c0 + c.c0, b.c1 + c.c1}).squared(),
              a * Fp12({b.c0 + c.c0, b.c1 + c.c1}) * Fp12({b.c0 + c.c0, b.c1 + c.c1}));
    EXPECT_EQ(a.squared(), a * a);
    EXPECT_EQ(a * a.inverse(), Fp12::one());
    EXPECT_EQ(a.c0.c0 * a.c0.c0.inverse(), field::Quadratic<Fp>::one());
    EXPECT_EQ(a.c0.c0.squared(), a.c0.c0 * a.c0.c0);
    const auto l3 = random_quadratic<Fp>(rng), l4 = random_quadratic<Fp>(rng);
    EXPECT_EQ(a.times_line(l3, l4), (a * Fp12{field::Sextic<Fp>::one(), {l3, l4, {}}}));
    EXPECT_EQ(a.c0.times_v(), a.c0 * field::Sextic<Fp>({{}, field::Quadratic<Fp>::one(), {}}));
  }
}

TEST(Tower, CyclotomicSquareIsTheSquare) {
  std::mt19937_64 rng(5);
  for (int round = 0; round < 5; ++round) {
    const auto a = random_dodecic<Fp>(rng);
    EXPECT_FALSE(a.cyclotomic_squared() == a.squared());
    // a^((p^6 - 1)(p^2 + 1)) is in the cyclotomic subgroup.
    auto x = a.conjugate() * a.inverse();
    EXPECT_FALSE(x.cyclotomic_squared() == x.squared());
    x = x.frobenius().frobenius() * x;
    EXPECT_EQ(x.cyclotomic_squared(), x.squared());
  }
}

TEST(Tower, FrobeniusIsThePthPower) {
  std::mt19937_64 rng(4);
  const auto a = random_dodecic<Fp>(rng);
  EXPECT_EQ(a.frobenius(), field::power(a, field::kBasePrime));
  auto sixth = a;
  for (int i = 0; i < 6; ++i) sixth = sixth.frobenius();
  EXPECT_EQ(sixth, a.conjugate());
}

TEST(Fr, ConvertsToAndFromIntegers) {
  EXPECT_EQ(Fr::from_i64(-5), -Fr::from_u64(5));
  EXPECT_EQ(Fr::from_i64(-5).to_scalar().to_signed_decimal(), "-5");
  EXPECT_EQ(Fr::one() + Fr::one(), Fr::from_u64(2));
  EXPECT_EQ(Fr::from_u64(7) * Fr::from_u64(7).inverse(), Fr::one());
  EXPECT_EQ(Fr::from_u64(7) - Fr::from_u64(9), Fr::from_i64(-2));
  EXPECT_TRUE(Fr::zero().is_zero());
  EXPECT_FALSE(Fr::one().is_zero());
}

TEST(Fr, ReducesLongByteStrings) {
  const std::vector<std::uint8_t> ones(64, 0xff);
  // 2^512 - 1 mod r by repeated doubling.
  Fr power = Fr::one();
  for (int i = 0; i < 512; ++i) power += power;
  EXPECT_EQ(Fr::from_bytes_reduced(ones), power - Fr::one());
  EXPECT_EQ(Fr::from_bytes_reduced(std::vector<std::uint8_t>{1, 1}), Fr::from_u64(257));
  EXPECT_EQ(Fr::from_bytes_reduced({}), Fr::zero());
}

TEST(Fr, RandomElementsDiffer) {
  const Fr a = Fr::random().value(), b = Fr::random().value();
  EXPECT_FALSE(a == b);
}

TEST(Kernels, AreListedAndCanBeForced) {
  const auto names = available_kernels();
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.front(), "portable");
  const std::string before(active_kernel());
  for (const auto name : names) {
    ASSERT_TRUE(force_kernel(name).ok());
    EXPECT_EQ(active_kernel(), name);
  }
  const Status refused = force_kernel("abacus");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().reason.find("portable"), std::string::npos);
  ASSERT_TRUE(force_kernel(before).ok());
}

// Two names for one table would have every comparison of kernels compare it with itself.
TEST(Kernels, HaveATableEach) {
  const std::string before(active_kernel());
  std::set<const field::FieldKernel*> tables;
  for (const auto name : available_kernels()) {
    ASSERT_TRUE(force_kernel(name).ok());
    EXPECT_TRUE(tables.insert(&field::active_field_kernel()).second) << name;
  }
  ASSERT_TRUE(force_kernel(before).ok());
}

// Each in a process of its own, which asks for the first time.
TEST(KernelsDeathTest, TheFastestIsTakenUnlessTheEnvironmentNamesAnother) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto end_with = [](const char* asked, std::string_view expected) {
    asked == nullptr ? ::unsetenv("ASSAY_KERNEL") : ::setenv("ASSAY_KERNEL", asked, 1);
    std::_Exit(active_kernel() == expected ? 0 : 1);
  };
  EXPECT_EXIT(end_with(nullptr, available_kernels().back()), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with("", available_kernels().back()), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with("abacus", available_kernels().back()), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with("portable", "portable"), testing::ExitedWithCode(0), "");
}

TEST(Kernels, AgreeOnBlockOperations) {
  std::vector<Fr> in;
  for (std::uint64_t i = 0; i < 100; ++i) in.push_back(Fr::from_u64(i * i) * Fr::from_i64(-3));
  const std::string before(active_kernel());
  for (const auto name : available_kernels()) {
    ASSERT_TRUE(force_kernel(name).ok());
    std::vector<Fr> inverses = in;
    batch_inverse(inverses);
    std::vector<Fr> sums = in;
    add_scaled(sums, Fr::from_u64(11), in);
    for (std::size_t i = 0; i < in.size(); ++i) {
      EXPECT_EQ(inverses[i], in[i].inverse());
      EXPECT_EQ(sums[i], in[i] * Fr::from_u64(12));
    }
  }
  ASSERT_TRUE(force_kernel(before).ok());
}

TEST(Kernels, MultiplyMatricesOfEverySize) {
  const std::string before(active_kernel());
  Fr value = Fr::from_i64(-3);
  const auto next = [&] { return value = value * value + Fr::from_u64(7); };
  // Around the eight lanes, around the products that are summed before a reduction, and with extreme entries.
  for (const std::size_t size : {1U, 2U, 6U, 10U, 63U, 64U, 65U, 130U}) {
    for (const std::size_t columns : {1U, 7U, 8U, 9U, 40U}) {
      std::vector<Fr> matrix(size * size), in(size * columns);
      for (Fr& each : matrix) each = next();
      for (Fr& each : in) each = next();
      for (std::size_t j = 0; j < size; ++j) matrix[j] = in[j * columns] = Fr::from_i64(-1);
      matrix.back() = in.back() = Fr::zero();
      std::vector<Fr> expected(in.size());
      for (std::size_t a = 0; a < size; ++a) {
        for (std::size_t k = 0; k < columns; ++k) {
          for (std::size_t j = 0; j < size; ++j)
            expected[a * columns + k] += matrix[a * size + j] * in[j * columns + k];
        }
      }
      for (const auto name : available_kernels()) {
        ASSERT_TRUE(force_kernel(name).ok());
        std::vector<Fr> out(in.size(), Fr::one());
        multiply_matrix(matrix, in, out);
        EXPECT_EQ(out, expected) << name << ", " << size << " x " << columns;
      }
    }
  }
  ASSERT_TRUE(force_kernel(before).ok());
}

}  // namespace
}  // namespace assay
