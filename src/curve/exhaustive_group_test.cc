// Every sum, multiple, root and membership of curves whose points can be listed.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "curve/toy_curves_for_test.h"

namespace assay::curve {
namespace {

template <class Case>
using ExhaustiveG1 = ExhaustiveTest<Case>;
using AllToys = ToyCases<Toy7, Toy31, Toy67, Toy283>;
TYPED_TEST_SUITE(ExhaustiveG1, AllToys);

TYPED_TEST(ExhaustiveG1, OracleHasAllPoints) {
  const auto& group = TypeParam::Group::get();
  constexpr unsigned p = TypeParam::Curve::kP;
  std::set<std::pair<unsigned, unsigned>> multiples;
  for (std::int64_t k = 1; k < TypeParam::Curve::kN; ++k) {
    const auto& [x, y] = *group.plain(k);
    ASSERT_TRUE(group.is_on_curve(x.re, y.re) && x.im == 0 && y.im == 0);
    multiples.insert({x.re, y.re});
  }
  ASSERT_EQ(multiples.size(), TypeParam::Curve::kN - 1U);
  ASSERT_EQ(group.all_g1().size(), std::size_t{TypeParam::Curve::kN});
  std::size_t solutions = 0;
  for (unsigned x = 0; x < p; ++x)
    for (unsigned y = 0; y < p; ++y) solutions += group.is_on_curve(x, y) ? 1 : 0;
  EXPECT_EQ(solutions, multiples.size());
}

TYPED_TEST(ExhaustiveG1, AddsAllPairs) {
  const auto& group = TypeParam::Group::get();
  for (std::int64_t i = 0; i < TypeParam::Curve::kN; ++i) {
    for (std::int64_t j = 0; j < TypeParam::Curve::kN; ++j)
      ASSERT_EQ(TypeParam::Kernel::add_g1(group.g1(i), group.g1(j)), group.g1(i + j)) << i << " + " << j;
  }
}

/// The point k G with a denominator that k and `from` decide.
template <class Case>
Xyzz<typename Case::F> with_denominator(std::int64_t k, std::int64_t from) {
  const auto& group = Case::Group::get();
  Xyzz<typename Case::F> out(load<typename Case::F>(group.g1(from)));
  return out += load<typename Case::F>(group.g1(k - from));
}

TYPED_TEST(ExhaustiveG1, AddsAllPairsInXyzz) {
  using F = typename TypeParam::F;
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN, step = n < 50 ? 1 : n / 3;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t from = 0; from < n; from += step) {
      const Xyzz<F> left = with_denominator<TypeParam>(i, from);
      ASSERT_EQ(store(left.to_affine()), group.g1(i)) << from << " + " << i - from;
      ASSERT_EQ(store(left.doubled().to_affine()), group.g1(2 * i)) << "2 * " << i;
      for (std::int64_t j = 0; j < n; ++j) {
        Xyzz<F> sum = left;
        sum += load<F>(group.g1(j));
        ASSERT_EQ(store(sum.to_affine()), group.g1(i + j)) << i << " + affine " << j;
        sum = left;
        sum += with_denominator<TypeParam>(j, i + 1);
        ASSERT_EQ(store(sum.to_affine()), group.g1(i + j)) << i << " + " << j;
      }
    }
  }
}

TYPED_TEST(ExhaustiveG1, MultipliesAllPointsByAllScalars) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k <= n + 1; ++k)
      ASSERT_EQ(TypeParam::Kernel::multiply_g1(group.g1(i), Fr::from_i64(k)), group.g1(k * i))
          << k << " * " << i;
  }
}

/// r - k modulo the group's order, r being that of BN254: what the negative of a small scalar stands for.
template <class Group>
std::int64_t residue_of_negative(std::int64_t k) {
  std::uint64_t residue = 0;
  for (std::size_t i = 256; i-- > 0;)
    residue = (2 * residue + (kScalarModulus[i / 64] >> (i % 64) & 1)) % Group::n;
  return static_cast<std::int64_t>(residue) - k;
}

TYPED_TEST(ExhaustiveG1, MultipliesByWideScalars) {
  using Group = typename TypeParam::Group;
  for (std::int64_t k = 1; k <= Group::n; ++k) {
    ASSERT_EQ(TypeParam::Kernel::multiply_g1(Group::get().g1(1), Fr::from_i64(-k)),
              Group::get().g1(residue_of_negative<Group>(k)))
        << -k;
  }
}

TYPED_TEST(ExhaustiveG1, MultipliesTheGeneratorByAllScalars) {
  using Group = typename TypeParam::Group;
  constexpr std::int64_t n = Group::n;
  std::vector<Fr> scalars;
  for (std::int64_t k = 0; k <= 3 * n; ++k) scalars.push_back(Fr::from_i64(k));
  for (std::int64_t k = 1; k <= n; ++k) scalars.push_back(Fr::from_i64(-k));
  std::vector<G1Affine> out(scalars.size());
  TypeParam::Kernel::Multiples::run(scalars, out);
  for (std::int64_t k = 0; k <= 3 * n; ++k)
    ASSERT_EQ(out[static_cast<std::size_t>(k)], Group::get().g1(k)) << k;
  for (std::int64_t k = 1; k <= n; ++k)
    ASSERT_EQ(out[static_cast<std::size_t>(3 * n + k)], Group::get().g1(residue_of_negative<Group>(k))) << -k;
}

TYPED_TEST(ExhaustiveG1, MultipliesManyPointsByTheirScalars) {
  using Group = typename TypeParam::Group;
  constexpr std::int64_t n = Group::n;
  for (std::int64_t i = 0; i < n; i += n < 50 ? 1 : n / 7) {
    std::vector<G1Affine> points;
    std::vector<Fr> scalars;
    for (std::int64_t k = -n; k <= 2 * n; ++k) {
      points.push_back(Group::get().g1(i + k));
      scalars.push_back(Fr::from_i64(k));
    }
    TypeParam::Kernel::OfPoints::multiply_all(points, scalars);
    for (std::int64_t k = -n; k <= 2 * n; ++k) {
      const std::int64_t residue = k < 0 ? residue_of_negative<Group>(-k) : k;
      ASSERT_EQ(points[static_cast<std::size_t>(k + n)], Group::get().g1(residue * (i + k))) << k;
    }
  }
}

TYPED_TEST(ExhaustiveG1, AddsAndDoublesManyPoints) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<G1Affine> sums(group.all_g1().begin(), group.all_g1().end()), doubles = sums;
    const std::vector<G1Affine> addends(sums.size(), group.g1(i));
    TypeParam::Kernel::OfPoints::add_all(sums, addends, i % 2 != 0);
    TypeParam::Kernel::OfPoints::double_all(doubles);
    for (std::int64_t k = 0; k < n; ++k) {
      ASSERT_EQ(sums[static_cast<std::size_t>(k)], group.g1(i % 2 != 0 ? k - i : k + i)) << k << ", " << i;
      ASSERT_EQ(doubles[static_cast<std::size_t>(k)], group.g1(2 * k)) << k;
    }
  }
}

TYPED_TEST(ExhaustiveG1, KnowsAllPoints) {
  using Group = typename TypeParam::Group;
  constexpr unsigned p = Group::p;
  for (unsigned x = 0; x < p; ++x) {
    for (unsigned y = 0; y < p; ++y) {
      const G1Affine point{Group::stored(x), Group::stored(y)};
      const bool is_one = Group::get().is_on_curve(x, y) || (x == 0 && y == 0);
      ASSERT_EQ(TypeParam::Kernel::is_in_g1(point), is_one) << x << ", " << y;
      ASSERT_EQ(TypeParam::Kernel::find_invalid_point({&point, 1}), is_one ? 1U : 0U) << x << ", " << y;
    }
  }
  // Storage that is not below p, in either coordinate.
  for (const G1Affine& good : Group::get().all_g1()) {
    for (const bool in_x : {true, false}) {
      G1Affine bad = good;
      (in_x ? bad.x : bad.y).limbs[0] += p;
      ASSERT_EQ(TypeParam::Kernel::find_invalid_point({&bad, 1}), 0U);
    }
  }
  EXPECT_EQ(TypeParam::Kernel::find_invalid_point(Group::get().all_g1()), Group::get().all_g1().size());
}

TYPED_TEST(ExhaustiveG1, FindsAllRoots) {
  using Group = typename TypeParam::Group;
  using F = typename TypeParam::F;
  constexpr unsigned p = Group::p;
  for (unsigned square = 0; square < p; ++square) {
    bool has_root = false;
    for (unsigned y = 0; y < p; ++y) has_root |= y * y % p == square;
    const auto root = square_root(F(Group::stored(square).limbs));
    ASSERT_EQ(root.has_value(), has_root) << square;
    if (root) {
      ASSERT_EQ(root->squared().to_integer()[0], square);
    }
  }
  std::vector<Fp> good;
  for (unsigned x = 0; x < p; ++x) {
    bool has_point = false;
    for (unsigned y = 0; y < p; ++y) has_point |= Group::get().is_on_curve(x, y);
    const Fp at = Group::stored(x);
    Fp y;
    ASSERT_EQ(TypeParam::Kernel::solve_g1({&at, 1}, {&y, 1}), has_point ? 1U : 0U) << x;
    if (has_point) {
      ASSERT_TRUE(Group::get().is_on_curve(x, static_cast<unsigned>(F(y.limbs).to_integer()[0]))) << x;
      good.push_back(at);
      continue;
    }
    // Behind all that have one, the one that has none is named.
    std::vector<Fp> all = good, ys(good.size() + 1);
    all.push_back(at);
    ASSERT_EQ(TypeParam::Kernel::solve_g1(all, ys), good.size()) << x;
  }
}

template <class Case>
using ExhaustiveG2 = ExhaustiveTest<Case>;
using ToysWithTwist = ToyCases<Toy7, Toy67>;
TYPED_TEST_SUITE(ExhaustiveG2, ToysWithTwist);

TYPED_TEST(ExhaustiveG2, AddsAllPairs) {
  const auto& group = TypeParam::Group::get();
  for (std::int64_t i = 0; i < TypeParam::Curve::kN; ++i) {
    for (std::int64_t j = 0; j < TypeParam::Curve::kN; ++j)
      ASSERT_EQ(TypeParam::Kernel::add_g2(group.g2(i), group.g2(j)), group.g2(i + j)) << i << " + " << j;
  }
}

TYPED_TEST(ExhaustiveG2, MultipliesAllPointsByAllScalars) {
  const auto& group = TypeParam::Group::get();
  constexpr std::int64_t n = TypeParam::Curve::kN;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k <= n + 1; ++k)
      ASSERT_EQ(TypeParam::Kernel::multiply_g2(group.g2(i), Fr::from_i64(k)), group.g2(k * i))
          << k << " * " << i;
  }
}

TYPED_TEST(ExhaustiveG2, TellsTheSubgroupFromTheTwist) {
  using Group = typename TypeParam::Group;
  const Group& group = Group::get();
  std::set<std::vector<unsigned>> members;
  for (std::int64_t k = 1; k < Group::n; ++k) {
    const auto& [x, y] = *group.plain_g2(k);
    members.insert({x.re, x.im, y.re, y.im});
  }
  std::size_t outside = 0;
  for (const auto& point : group.twist()) {
    const auto& [x, y] = *point;
    const bool is_member = members.contains({x.re, x.im, y.re, y.im});
    outside += is_member ? 0 : 1;
    ASSERT_EQ(TypeParam::Kernel::is_in_g2(Group::stored_g2(point)), is_member);
  }
  EXPECT_TRUE(TypeParam::Kernel::is_in_g2(G2Affine::infinity()));
  EXPECT_EQ(outside, group.twist().size() - members.size());
  EXPECT_GT(outside, members.size());
}

TYPED_TEST(ExhaustiveG2, FindsAllRoots) {
  using Group = typename TypeParam::Group;
  using E2 = typename TypeParam::Kernel::E2;
  using N = typename Group::N;
  constexpr unsigned p = Group::p;
  const auto number = [](const Fp2& a) {
    using F = typename TypeParam::F;
    return N{static_cast<unsigned>(F(a.c0.limbs).to_integer()[0]),
             static_cast<unsigned>(F(a.c1.limbs).to_integer()[0])};
  };
  std::set<std::pair<unsigned, unsigned>> squares, on_twist;
  for (unsigned i = 0; i < p * p; ++i) {
    const N y{i / p, i % p};
    squares.insert({(y * y).re, (y * y).im});
  }
  for (const auto& point : Group::get().twist()) on_twist.insert({point->first.re, point->first.im});
  for (unsigned i = 0; i < p * p; ++i) {
    const N x{i / p, i % p};
    const Fp2 at = Group::stored(x);
    const auto root = square_root(E2{typename TypeParam::F(at.c0.limbs), typename TypeParam::F(at.c1.limbs)});
    ASSERT_EQ(root.has_value(), squares.contains({x.re, x.im})) << x.re << ", " << x.im;
    if (root) {
      const N y = number({{root->c0.limbs()}, {root->c1.limbs()}});
      ASSERT_EQ(y * y, x) << x.re << ", " << x.im;
    }
    const auto y = TypeParam::Kernel::solve_g2(at);
    ASSERT_EQ(y.has_value(), on_twist.contains({x.re, x.im})) << x.re << ", " << x.im;
    if (y) {
      ASSERT_TRUE(Group::get().is_on_twist(x, number(*y))) << x.re << ", " << x.im;
    }
  }
}

TEST(ExhaustiveTwist, EveryPairOfCoordinates) {
  using Kernel = ToyCase<Toy7, field::PortableBackend>::Kernel;
  using Toy = ToyGroup<Toy7>;
  std::size_t members = 0;
  for (unsigned i = 0; i < 7 * 7 * 7 * 7; ++i) {
    const Toy::N x{i % 7, i / 7 % 7}, y{i / 49 % 7, i / 343};
    if (!Kernel::is_in_g2({Toy::stored(x), Toy::stored(y)})) continue;
    ++members;
    ASSERT_TRUE(Toy::get().is_on_twist(x, y) || i == 0);
  }
  EXPECT_EQ(members, 13U);
}

}  // namespace
}  // namespace assay::curve
