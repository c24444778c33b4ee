#include "field/dodecic_ifma.h"

#include <gtest/gtest.h>

#include "field/target_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <algorithm>
#include <random>
#include <vector>

#include "assay/field.h"
#include "field/backend_portable.h"
#include "field/element.h"
#include "field/limbs_for_test.h"
#include "field/tower.h"

namespace assay::field {
namespace {

using F = Element<FpParameters, PortableBackend>;
using Fp2 = Quadratic<F>;
using Fp12 = Dodecic<F>;
using Coordinates = DodecicIfma::Coordinates;

Fp12 to_tower(const Coordinates& c) { return Fp12::load(c); }

class DodecicIfmaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto kernels = available_kernels();
    if (std::find(kernels.begin(), kernels.end(), "ifma") == kernels.end()) GTEST_SKIP();
    const auto random = [&] { return F::from_integer({rng_(), rng_(), rng_(), rng_()}).limbs(); };
    const Limbs top = minus_small(FpParameters::kModulus, 1);
    for (int i = 0; i < 8; ++i) {
      Coordinates c;
      for (Limbs& each : c) each = random();
      samples_.push_back(c);
    }
    // All zero, one, all p - 1, and extremes mixed.
    samples_.push_back({});
    samples_.push_back(DodecicIfma::one().store());
    Coordinates extreme;
    extreme.fill(top);
    samples_.push_back(extreme);
    for (std::size_t i = 0; i < 12; i += 2) extreme[i] = {};
    samples_.push_back(extreme);
  }

  std::mt19937_64 rng_{6};
  std::vector<Coordinates> samples_;
};

TEST_F(DodecicIfmaTest, AgreesWithTheTower) {
  EXPECT_EQ(to_tower(DodecicIfma::one().store()), Fp12::one());
  for (const Coordinates& x : samples_) {
    const DodecicIfma a = DodecicIfma::load(x);
    const Fp12 expected = to_tower(x);
    EXPECT_EQ(a.store(), x);
    EXPECT_EQ(to_tower(a.squared().store()), expected.squared());
    EXPECT_EQ(to_tower(a.cyclotomic_squared().store()), expected.cyclotomic_squared());
    EXPECT_EQ(to_tower(a.conjugate().store()), expected.conjugate());
    EXPECT_EQ(to_tower(a.inverse().store()), expected.inverse());
    EXPECT_EQ(to_tower(a.frobenius().store()), expected.frobenius());
    for (const Coordinates& y : samples_) {
      EXPECT_EQ(to_tower((a * DodecicIfma::load(y)).store()), expected * to_tower(y));
      const auto scale = DodecicIfma::LineScale::of(y[10], y[11]);
      const Fp2 b{F(y[0]), F(y[1])}, c{F(y[2]), F(y[3])};
      EXPECT_EQ(to_tower(a.times_line({y[0], y[1], y[2], y[3]}, scale).store()),
                expected.times_line(b * F(y[10]), c * F(y[11])));
    }
  }
}

TEST_F(DodecicIfmaTest, KeepsItsBoundsOverManySteps) {
  for (const Coordinates& x : samples_) {
    DodecicIfma a = DodecicIfma::load(x);
    Fp12 expected = to_tower(x);
    const auto scale = DodecicIfma::LineScale::of(x[0], x[1]);
    for (int i = 0; i < 10; ++i) {
      const Coordinates before = a.store();
      a = a.squared().times_line({x[2], x[3], x[4], x[5]}, scale) * a.cyclotomic_squared().conjugate();
      expected =
          expected.squared().times_line(Fp2{F(x[2]), F(x[3])} * F(x[0]), Fp2{F(x[4]), F(x[5])} * F(x[1])) *
          expected.cyclotomic_squared().conjugate();
      EXPECT_EQ(to_tower(a.store()), expected);
      EXPECT_EQ(to_tower(DodecicIfma::load(before).store()), to_tower(before));
    }
  }
}

}  // namespace
}  // namespace assay::field
#endif
