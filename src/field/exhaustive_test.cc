// Every operation of every backend over all elements of fields so small that they can be listed. What the
// templates do with them is what they do with 254 bits: the same words, the same R.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
#include "field/element.h"
#include "field/tower.h"

namespace assay::field {
namespace {

constexpr Limbs kPrime3 = {3, 0, 0, 0}, kPrime5 = {5, 0, 0, 0}, kPrime7 = {7, 0, 0, 0},
                kPrime31 = {31, 0, 0, 0}, kPrime257 = {257, 0, 0, 0};

template <class Field>
class Exhaustive : public ::testing::Test {
 protected:
  static constexpr auto kP = static_cast<unsigned>(Field::Parameters::kModulus[0]);

  void SetUp() override {
    if (!std::is_same_v<Field, Element<typename Field::Parameters, PortableBackend>> &&
        available_kernels().size() == 1)
      GTEST_SKIP() << "this processor lacks the instructions";
    for (unsigned i = 0; i < kP; ++i) all_.push_back(Field::from_u64(i));
  }

  [[nodiscard]] const Field& at(unsigned i) const { return all_[i % kP]; }

  std::vector<Field> all_;
};

template <const Limbs& kPrime, class Backend>
using Toy = Element<PrimeParameters<kPrime>, Backend>;
using Fields = ::testing::Types<Toy<kPrime3, PortableBackend>, Toy<kPrime5, PortableBackend>,
                                Toy<kPrime7, PortableBackend>, Toy<kPrime31, PortableBackend>,
                                Toy<kPrime257, PortableBackend>
#if defined(__x86_64__)
                                ,
                                Toy<kPrime3, AdxBackend>, Toy<kPrime5, AdxBackend>, Toy<kPrime7, AdxBackend>,
                                Toy<kPrime31, AdxBackend>, Toy<kPrime257, AdxBackend>
#endif
                                >;
TYPED_TEST_SUITE(Exhaustive, Fields);

TYPED_TEST(Exhaustive, SumsDifferencesAndProducts) {
  constexpr unsigned p = TestFixture::kP;
  for (unsigned i = 0; i < p; ++i) {
    ASSERT_EQ(this->at(i).to_integer(), (Limbs{i, 0, 0, 0}));
    ASSERT_EQ(TypeParam::from_u64(i + p), this->at(i));
    ASSERT_EQ(-this->at(i), this->at(p - i));
    ASSERT_EQ(this->at(i).is_zero(), i == 0);
    for (unsigned j = 0; j < p; ++j) {
      ASSERT_EQ(this->at(i) + this->at(j), this->at(i + j)) << i << ", " << j;
      ASSERT_EQ(this->at(i) - this->at(j), this->at(i + p - j)) << i << ", " << j;
      ASSERT_EQ(this->at(i) * this->at(j), this->at(i * j)) << i << ", " << j;
      ASSERT_EQ(this->at(i) == this->at(j), i == j);
    }
  }
}

TYPED_TEST(Exhaustive, Inverses) {
  constexpr unsigned p = TestFixture::kP;
  std::vector<TypeParam> inverses = this->all_, scratch;
  batch_inverse<TypeParam>(inverses, scratch);
  ASSERT_TRUE(inverses[0].is_zero() && this->at(0).inverse().is_zero());
  for (unsigned i = 1; i < p; ++i) {
    ASSERT_EQ(this->at(i) * this->at(i).inverse(), TypeParam::one()) << i;
    ASSERT_EQ(inverses[i], this->at(i).inverse()) << i;
  }
}

/// The digits of i to the base p.
template <std::size_t kCount>
std::array<unsigned, kCount> digits(unsigned i, unsigned p) {
  std::array<unsigned, kCount> out;
  for (unsigned& digit : out) digit = i % p, i /= p;
  return out;
}

TYPED_TEST(Exhaustive, InnerProductsOfTwo) {
  constexpr unsigned p = TestFixture::kP;
  if constexpr (p <= 31) {
    for (unsigned i = 0; i < p * p * p * p; ++i) {
      const auto d = digits<4>(i, p);
      const Pair a{this->at(d[0]).limbs(), this->at(d[1]).limbs()},
          b{this->at(d[2]).limbs(), this->at(d[3]).limbs()};
      ASSERT_EQ(TypeParam::inner_product(a, b), this->at(d[0] * d[2] + d[1] * d[3])) << i;
    }
  }
}

TYPED_TEST(Exhaustive, InnerProductsOfFour) {
  constexpr unsigned p = TestFixture::kP;
  if constexpr (p <= 5) {
    for (unsigned i = 0; i < p * p * p * p * p * p * p * p; ++i) {
      const auto d = digits<8>(i, p);
      std::array<Limbs, 8> x;
      for (std::size_t k = 0; k < 8; ++k) x[k] = this->at(d[k]).limbs();
      ASSERT_EQ(TypeParam::inner_product({x[0], x[1]}, {x[2], x[3]}, {x[4], x[5]}, {x[6], x[7]}),
                this->at(d[0] * d[2] + d[1] * d[3] + d[4] * d[6] + d[5] * d[7]))
          << i;
    }
  }
}

TYPED_TEST(Exhaustive, InnerProductsOfSix) {
  constexpr unsigned p = TestFixture::kP;
  if constexpr (p == 3) {
    for (unsigned i = 0; i < 531441; ++i) {
      const auto d = digits<12>(i, p);
      std::array<Limbs, 12> x;
      unsigned sum = 0;
      for (std::size_t k = 0; k < 12; ++k) x[k] = this->at(d[k]).limbs();
      for (std::size_t k = 0; k < 6; ++k) sum += d[k] * d[k + 6];
      ASSERT_EQ(TypeParam::inner_product(std::span(x).template first<6>(), std::span(x).template last<6>()),
                this->at(sum))
          << i;
    }
  }
}

TYPED_TEST(Exhaustive, ElementsOfFp2) {
  // i^2 = -1 makes a field of p^2 elements where p = 3 (mod 4).
  constexpr unsigned p = TestFixture::kP;
  if constexpr (p % 4 == 3) {
    using E2 = Quadratic<TypeParam>;
    for (unsigned i = 0; i < p * p * p * p; ++i) {
      const auto d = digits<4>(i, p);
      const E2 a{this->at(d[0]), this->at(d[1])}, b{this->at(d[2]), this->at(d[3])};
      ASSERT_EQ(a * b, (E2{this->at(d[0] * d[2] + (p - d[1]) * d[3]), this->at(d[0] * d[3] + d[1] * d[2])}))
          << i;
      if (i >= p * p) continue;
      ASSERT_EQ(a.squared(), a * a) << i;
      ASSERT_EQ(a.times_xi(), a * (E2{this->at(9), this->at(1)})) << i;
      ASSERT_EQ(a * a.inverse(), a.is_zero() ? E2::zero() : E2::one()) << i;
      ASSERT_EQ(a * a.conjugate(), (E2{this->at(d[0] * d[0] + d[1] * d[1]), this->at(0)})) << i;
    }
  }
}

}  // namespace
}  // namespace assay::field
