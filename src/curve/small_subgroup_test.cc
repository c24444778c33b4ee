// All sums and multiples in small groups of points over the real base field, so that every kernel takes part,
// those in lanes too, whose bounds hold for BN254's prime alone. No formula for points needs b, so any curve
// y^2 = x^3 + b will do, and some have a subgroup of small order (as in libsecp256k1's tests_exhaustive.c).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "curve/kernel_of.h"
#include "curve/pairs_ifma.h"
#include "curve/vectors_for_test.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"

namespace assay::curve {
namespace {

using F = field::Element<field::FpParameters, field::PortableBackend>;

/// The multiples of a point of y^2 = x^3 + b whose order is the prime `order`.
struct SmallGroup {
  std::int64_t order;
  std::uint64_t b;
  field::Limbs x, y;
  std::vector<G1Affine> multiples = {};

  /// By the chord and the tangent, and not by what is tested.
  void list() {
    const Affine<F> first{F::from_integer(x), F::from_integer(y)};
    multiples = {G1Affine::infinity(), store(first)};
    for (Affine<F> p = first; p.x != first.x || multiples.size() == 2;) {
      const F slope = p == first ? (p.x * p.x).doubled() + p.x * p.x : first.y - p.y;
      const F over = p == first ? p.y.doubled() : first.x - p.x;
      const F ratio = slope * over.inverse();
      const F sum_x = ratio * ratio - p.x - first.x;
      p = {sum_x, ratio * (p.x - sum_x) - p.y};
      multiples.push_back(store(p));
    }
  }
  [[nodiscard]] const G1Affine& at(std::int64_t k) const {
    return multiples[static_cast<std::size_t>((k % order + order) % order)];
  }
};

const SmallGroup& small_group(std::size_t which) {
  static const std::vector<SmallGroup> all = [] {
    std::vector<SmallGroup> out = {
        {31,
         7,
         {0x8aa4266b0d22c28d, 0xc4db4c185c607c6c, 0x75911ff9d85130c2, 0x11462169468f512c},
         {0x723010f4e88bb23d, 0x3603806be82f7592, 0xc083294d12a8d9c7, 0x2d2fed779d2d93fe}},
        {613,
         1,
         {0x7cadbe74a7019570, 0xe331560ef0661248, 0x96bbfcf2c0455e37, 0x099e41569f664cd7},
         {0xfb4d0bce7d7c059d, 0x33aa17b660938fa1, 0xa99b673f170ec1c0, 0x23136f3120b0819b}}};
    for (SmallGroup& each : out) each.list();
    return out;
  }();
  return all[which];
}

class SmallSubgroup : public ::testing::TestWithParam<std::size_t> {
 protected:
  const SmallGroup& group_ = small_group(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Orders, SmallSubgroup, ::testing::Values(0, 1));

TEST_P(SmallSubgroup, HasItsOrder) {
  ASSERT_EQ(group_.multiples.size(), static_cast<std::size_t>(group_.order));
  for (std::int64_t k = 1; k < group_.order; ++k) {
    const Affine<F> p = load<F>(group_.at(k));
    ASSERT_EQ(p.y * p.y, p.x * p.x * p.x + F::from_u64(group_.b));
    ASSERT_EQ(negate(group_.at(k)), group_.at(-k));
  }
}

TEST_P(SmallSubgroup, AddsPairs) {
  // All of the smaller group; of the larger one a seventh, and all that have no slope through two points.
  const std::int64_t step = group_.order > 100 ? 7 : 1;
  for_each_kernel([&] {
    for (std::int64_t i = 0; i < group_.order; ++i) {
      for (const std::int64_t j : {std::int64_t{0}, i, -i})
        ASSERT_EQ(add(group_.at(i), group_.at(j)), group_.at(i + j)) << i << " + " << j;
      for (std::int64_t j = i % step; j < group_.order; j += step)
        ASSERT_EQ(add(group_.at(i), group_.at(j)), group_.at(i + j)) << i << " + " << j;
    }
  });
}

TEST_P(SmallSubgroup, MultipliesByAllScalars) {
  for_each_kernel([&] {
    for (std::int64_t k = 0; k <= 2 * group_.order; ++k)
      ASSERT_EQ(multiply_vartime(group_.at(1), Fr::from_i64(k)), group_.at(k)) << k;
  });
}

TEST_P(SmallSubgroup, MultipliesPointsByAllScalarsInWindows) {
  // By the way that few points go.
  const std::int64_t step = group_.order > 100 ? 61 : 1;
  for_each_kernel([&] {
    for (std::int64_t i = 0; i < group_.order; i += step) {
      for (std::int64_t k = -group_.order; k <= group_.order; ++k) {
        ASSERT_EQ(msm_vartime({&group_.at(i), 1}, std::span<const std::int64_t>(&k, 1)), group_.at(k * i))
            << k << " * " << i;
      }
    }
  });
}

/// A batch of pairs, and what their sums should be.
template <class Adder>
class Pairs {
 public:
  explicit Pairs(const SmallGroup& group) : group_(group), out_(PairBatch::kCapacity) {}

  void push(const G1Affine& left, std::int64_t left_log, const G1Affine& right, std::int64_t right_log,
            bool negated) {
    G1Affine& out = out_[logs_.size()];
    batch_.push(left, PointRef(right, negated), out);
    logs_.push_back(negated ? left_log - right_log : left_log + right_log);
  }
  [[nodiscard]] bool is_full() const { return batch_.is_full(); }
  [[nodiscard]] std::size_t size() const { return logs_.size(); }
  void finish() {
    adder_.add(batch_);
    for (std::size_t i = 0; i < logs_.size(); ++i)
      ASSERT_EQ(store(Adder::reduced(out_[i])), group_.at(logs_[i])) << logs_[i];
  }
  void clear() { logs_.clear(); }
  [[nodiscard]] const G1Affine& sum(std::size_t i) const { return out_[i]; }
  [[nodiscard]] std::int64_t log(std::size_t i) const { return logs_[i]; }

 private:
  const SmallGroup& group_;
  Adder adder_;
  PairBatch batch_;
  std::vector<G1Affine> out_;
  std::vector<std::int64_t> logs_;
};

/// All pairs of points with signs, and pairs of their sums, which an adder may have left unreduced.
template <class Adder>
void check_pairs(const SmallGroup& group) {
  Pairs<Adder> pairs(group), pairs_of_sums(group);
  const auto finish = [&] {
    pairs.finish();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::size_t j = (7 * i + 3) % pairs.size();
      pairs_of_sums.push(pairs.sum(i), pairs.log(i), pairs.sum(j), pairs.log(j), i % 2 != 0);
    }
    pairs_of_sums.finish();
    pairs_of_sums.clear();
    pairs.clear();
  };
  for (std::int64_t i = 0; i < group.order; ++i) {
    for (std::int64_t j = 0; j < group.order; ++j) {
      for (const bool negated : {false, true}) {
        pairs.push(group.at(i), i, group.at(j), j, negated);
        if (pairs.is_full()) finish();
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
  finish();
}

TEST_P(SmallSubgroup, SumsAllPairsInBatches) {
  check_pairs<PairAdder<F>>(group_);
#if defined(__x86_64__)
  const auto kernels = available_kernels();
  if (std::ranges::find(kernels, "adx") != kernels.end())
    check_pairs<PairAdder<field::Element<field::FpParameters, field::AdxBackend>>>(group_);
  if (std::ranges::find(kernels, "ifma") != kernels.end()) check_pairs<PairAdderIfma>(group_);
#endif
}

#if defined(__x86_64__)
TEST(PairAdderIfma, ReducesWhatBorrowsThroughEqualWords) {
  const auto kernels = available_kernels();
  if (std::ranges::find(kernels, "ifma") == kernels.end())
    GTEST_SKIP() << "this processor lacks the instructions";
  // p + 2^(64 w) - 1: all words below w borrow, and those but the first are the same as those of p.
  using P = field::FpParameters;
  for (std::size_t w = 1; w < 4; ++w) {
    field::Limbs over = P::kModulus, expected{};
    --over[0];
    ++over[w];
    std::fill_n(expected.begin(), w, ~std::uint64_t{0});
    const Affine<PairAdderIfma::F> reduced = PairAdderIfma::reduced({{over}, {P::kModulus}});
    EXPECT_EQ(reduced.x.limbs(), expected) << w;
    EXPECT_EQ(reduced.y.limbs(), field::Limbs{}) << w;
  }
}
#endif

TEST_P(SmallSubgroup, SumsOfAllPointsByAllScalars) {
  for_each_kernel([&] {
    std::vector<G1Affine> points;
    std::vector<std::int64_t> values;
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < group_.order; ++i) {
      for (std::int64_t k = -group_.order; k < group_.order; ++k) {
        points.push_back(group_.at(i));
        values.push_back(k);
        sum += i * k;
      }
    }
    ASSERT_EQ(msm_vartime(points, IntegerView(values)), group_.at(sum));
    // The same scalars, wide and of few kinds: times a number that is one modulo the order.
    std::int64_t shift = std::int64_t{1} << 50;
    while (shift % group_.order != 1) ++shift;
    for (std::int64_t& value : values) value *= shift;
    ASSERT_EQ(msm_vartime(points, IntegerView(values)), group_.at(sum));
  });
}

}  // namespace
}  // namespace assay::curve
