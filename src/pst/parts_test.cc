// Parts of a tensor along any axes: against the definition computed in Fr from known secrets, and what a
// prover would try.
#include <gtest/gtest.h>

#include <algorithm>

#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

/// q_k(t) for each fixed axis in turn, those before it at the part's coordinates, without what a part shares
/// with the one before.
std::vector<G1Affine> quotients_by_definition(const Axes& axes, std::span<const Fr> secrets,
                                              IntegerView values, const Selection& selection) {
  std::vector<G1Affine> out;
  std::vector<std::uint32_t> before;
  for (std::size_t k = 0; k < selection.positions.size(); ++k) {
    const std::vector<std::uint32_t> coordinates = selection.coordinates(axes, k);
    std::vector<Fr> mixed(secrets.begin(), secrets.end());
    bool same = k > 0;
    for (std::size_t i = 0; i < coordinates.size(); ++i) {
      const std::uint32_t axis = selection.fixed[i];
      const Fr node = Fr::from_u64(coordinates[i]);
      const Fr whole = test::evaluate_lagrange(axes, values, mixed);
      mixed[axis] = node;
      const Fr rest = test::evaluate_lagrange(axes, values, mixed);
      same = same && before[i] == coordinates[i];
      if (!same) out.push_back(test::times_generator((whole - rest) * (secrets[axis] - node).inverse()));
    }
    before = coordinates;
  }
  return out;
}

/// The indices of a part's values in the tensor, one by one.
std::vector<std::uint64_t> indices_of(const Axes& axes, const Selection& selection, std::size_t k) {
  const std::vector<std::uint32_t> wanted = selection.coordinates(axes, k);
  std::vector<std::uint64_t> found;
  for (std::uint64_t index = 0; index < axes.volume(); ++index) {
    const std::vector<std::uint32_t> point = axes.coordinates_of(index);
    bool inside = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) inside = inside && point[selection.fixed[i]] == wanted[i];
    if (inside) found.push_back(index);
  }
  return found;
}

std::vector<Scalar> values_of(const Axes& axes, IntegerView values, const Selection& selection) {
  std::vector<Scalar> out;
  for (std::size_t k = 0; k < selection.positions.size(); ++k)
    for (const std::uint64_t index : indices_of(axes, selection, k)) out.push_back(values[index]);
  return out;
}

Selection random_selection(test::Random& random, const Axes& axes, unsigned mask, std::size_t most) {
  Selection selection;
  std::uint64_t count = 1;
  for (std::uint32_t axis = 0; axis < axes.count(); ++axis)
    if ((mask >> axis & 1) != 0) {
      selection.fixed.push_back(axis);
      count *= axes[axis];
    }
  for (std::size_t i = 0; i < most; ++i)
    selection.positions.push_back(static_cast<std::uint32_t>(random.below(count)));
  std::ranges::sort(selection.positions);
  const auto end = std::unique(selection.positions.begin(), selection.positions.end());
  selection.positions.erase(end, selection.positions.end());
  return selection;
}

struct PartsSample {
  Axes axes;
  std::vector<Fr> secrets;
  Srs srs;
  std::vector<Scalar> values;
  G1Affine commitment;
  Verifier verifier;

  PartsSample(std::vector<std::uint64_t> sizes, unsigned bits, std::uint64_t seed = 5)
      : PartsSample(axes_of(std::move(sizes)), bits, test::Random(seed)) {}
  PartsSample(const Axes& a, unsigned bits, test::Random random)
      : axes(a),
        secrets(random.fields(a.count())),
        srs(Srs::from_secrets(a, secrets).value()),
        values(random.integers(a.volume(), bits)),
        commitment(commit(srs, values).value()),
        verifier(srs.verifier_key()) {}

  [[nodiscard]] PartsStatement statement(const Selection& selection,
                                         const std::vector<Scalar>& opened) const {
    const std::uint64_t size = selection.part_size(axes);
    PartsStatement made{commitment, selection, {}, opened, open_parts(srs, values, selection).value()};
    for (std::size_t k = 0; k < selection.positions.size(); ++k) made.runs.push_back({k * size, size});
    return made;
  }
};

void check_every_subset(const PartsSample& sample, std::size_t most) {
  test::Random random(11);
  for (unsigned mask = 1; mask < 1U << sample.axes.count(); ++mask) {
    SCOPED_TRACE(mask);
    const Selection selection = random_selection(random, sample.axes, mask, most);
    std::vector<Scalar> opened = values_of(sample.axes, sample.values, selection);
    PartsStatement statement = sample.statement(selection, opened);
    EXPECT_EQ(statement.quotients,
              quotients_by_definition(sample.axes, sample.secrets, sample.values, selection));
    EXPECT_TRUE(sample.verifier.check_parts(sample.srs, statement).ok());
    const std::size_t changed = random.below(opened.size());
    opened[changed] = Scalar::from_i64(opened[changed] == Scalar::from_i64(3) ? 4 : 3);
    statement.values = opened;
    EXPECT_EQ(sample.verifier.check_parts(sample.srs, statement).step(), "opening equation");
  }
}

TEST(Parts, EverySubsetOfAxesIsAsDefined) {
  check_every_subset(PartsSample({3, 2, 4, 3}, 15), 3);
  check_every_subset(PartsSample({2, 1, 5}, 15), 2);
}
TEST(Parts, AlongLongAxes) { check_every_subset(PartsSample({2, 18, 33}, 15), 2); }
TEST(Parts, OfWideValues) {
  check_every_subset(PartsSample({3, 4, 2}, 100), 3);
  check_every_subset(PartsSample({3, 17, 2}, 250), 3);
}

TEST(Parts, EntriesShareTheQuotientsOfTheirPrefixes) {
  const PartsSample sample({3, 2, 4, 3}, 15);
  const Selection all{{0, 1, 2, 3}, {0, 1, 3, 30, 31, 71}};
  const std::vector<G1Affine> shared = open_parts(sample.srs, sample.values, all).value();
  EXPECT_EQ(shared.size(), quotients_of(all, sample.axes));
  // 0000, 0001, 0010 | 1020, 1021 | 2132
  EXPECT_EQ(shared.size(), 4u + 1 + 2 + 4 + 1 + 4);
  std::size_t next = 0;
  for (std::size_t k = 0; k < all.positions.size(); ++k) {
    const Opening alone =
        open(sample.srs, sample.values, sample.axes.coordinates_of(all.positions[k])).value();
    for (std::size_t i = all.shared(sample.axes, k); i < 4; ++i)
      EXPECT_EQ(shared[next++], alone.quotients[i]);
  }
  KeptQuotients kept(sample.axes);
  EXPECT_EQ(open_parts(sample.srs, sample.values, all, &kept).value(), shared);
  EXPECT_EQ(kept.size(), shared.size());
  EXPECT_EQ(open_parts(sample.srs, sample.values, all, &kept).value(), shared);
}

TEST(Parts, AKeptLayerIsTakenAndNotMade) {
  const PartsSample sample({3, 4, 2}, 15);
  KeptQuotients kept(sample.axes);
  const std::vector<std::uint32_t> layer{1};
  const G1Affine wrong = test::times_generator(Fr::from_u64(9));
  kept.keep(layer, wrong);
  EXPECT_EQ(open_parts(sample.srs, sample.values, {{0}, {1}}, &kept).value(), std::vector<G1Affine>{wrong});
}

TEST(Parts, WhatIsNotGivenIsZero) {
  PartsSample sample({2, 3, 4}, 15);
  // The second half of every row of the middle axis is zero.
  for (std::size_t i = 0; i < sample.values.size(); ++i)
    if (i % 4 >= 2) sample.values[i] = Scalar{};
  sample.commitment = commit(sample.srs, sample.values).value();
  const Selection rows{{1}, {0, 2}};
  std::vector<Scalar> opened;
  for (const std::size_t i : {0U, 1U, 12U, 13U, 8U, 9U, 20U, 21U}) opened.push_back(sample.values[i]);
  PartsStatement statement{sample.commitment,
                           rows,
                           {{0, 2}, {4, 2}, {8, 2}, {12, 2}},
                           opened,
                           open_parts(sample.srs, sample.values, rows).value()};
  EXPECT_TRUE(sample.verifier.check_parts(sample.srs, statement).ok());
  // A prover that hides something there: the values are then not those of the commitment.
  std::vector<Scalar> hiding = sample.values;
  hiding[2] = Scalar::from_i64(1);
  statement.commitment = commit(sample.srs, hiding).value();
  statement.quotients = open_parts(sample.srs, hiding, rows).value();
  EXPECT_EQ(sample.verifier.check_parts(sample.srs, statement).step(), "opening equation");
}

// A verifier without randomness does not guess.
TEST(Parts, WithoutRandomness) {
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t>) -> Status {
    return Error{ErrorCode::kIo, "random", "none"};
  };
  const PartsSample sample({3, 2, 4}, 15);
  const Selection selection{{1, 2}, {1, 6}};
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, selection);
  const Verdict verdict = sample.verifier.check_parts(sample.srs, sample.statement(selection, opened), world);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
}

TEST(Parts, OfAnotherForm) {
  const PartsSample sample({3, 2, 4}, 15);
  const Selection selection{{1, 2}, {1, 6}};
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, selection);
  const PartsStatement good = sample.statement(selection, opened);
  ASSERT_TRUE(sample.verifier.check_parts(sample.srs, good).ok());
  const auto step = [&](const auto& change) {
    PartsStatement bad = good;
    change(bad);
    return sample.verifier.check_parts(sample.srs, bad).step();
  };
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.positions = {6, 1}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.positions = {1, 8}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.positions = {}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.fixed = {2, 1}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.fixed = {1, 3}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.fixed = {}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.runs.pop_back(); }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.runs = {{0, 6}}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { std::swap(s.runs[0], s.runs[1]); }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.runs = {{0, 3}, {3, 3}, {4, 0}}; }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.quotients.pop_back(); }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.quotients.push_back(G1Affine::generator()); }), "proof shape");
  EXPECT_EQ(step([](PartsStatement& s) { s.quotients[0].x = s.quotients[0].y; }), "proof points");
  EXPECT_EQ(step([](PartsStatement& s) { std::swap(s.quotients[0], s.quotients[1]); }), "opening equation");
  EXPECT_EQ(step([](PartsStatement& s) { s.selection.positions = {1, 7}; }), "opening equation");
  // The whole tensor's commitment is its own slice for who may name it: here none may.
  EXPECT_EQ(step([](PartsStatement& s) { std::ranges::fill(s.quotients, G1Affine::infinity()); }),
            "opening equation");
  // A quotient along an axis of one node is zero.
  const PartsSample flat({2, 1, 3}, 15);
  const Selection one{{1}, {0}};
  const std::vector<Scalar> all = values_of(flat.axes, flat.values, one);
  PartsStatement loose = flat.statement(one, all);
  EXPECT_TRUE(flat.verifier.check_parts(flat.srs, loose).ok());
  loose.quotients[0] = G1Affine::generator();
  EXPECT_EQ(flat.verifier.check_parts(flat.srs, loose).step(), "proof shape");
}

// Values that are of no part would be in no sum, and so could be any.
TEST(Parts, ValuesBehindTheLastPart) {
  PartsSample sample({3, 2, 4}, 15);
  for (const std::size_t i : {6U, 14U, 22U}) sample.values[i] = Scalar{};
  sample.commitment = commit(sample.srs, sample.values).value();
  const Selection selection{{1, 2}, {1, 6}};  // the second part is all zeros
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, selection);
  PartsStatement statement = sample.statement(selection, opened);
  ASSERT_TRUE(sample.verifier.check_parts(sample.srs, statement).ok());
  const std::vector<Scalar> first_part(opened.begin(), opened.begin() + 3);
  statement.runs.pop_back();
  statement.values = first_part;
  ASSERT_TRUE(sample.verifier.check_parts(sample.srs, statement).ok());
  std::vector<Scalar> more = opened;
  more[3] = Scalar::from_i64(77);
  statement.values = more;
  for (const std::uint64_t first : {6U, 9U, 60U}) {
    statement.runs = {{0, 3}, {first, 3}};
    EXPECT_EQ(sample.verifier.check_parts(sample.srs, statement).step(), "proof shape") << first;
  }
}

// That an entry is zero is said, not left out.
TEST(Parts, EntriesAreAllGiven) {
  PartsSample sample({3, 2, 4}, 15);
  sample.values[6] = Scalar{};
  sample.commitment = commit(sample.srs, sample.values).value();
  const Selection entries{{0, 1, 2}, {1, 6}};
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, entries);
  PartsStatement statement = sample.statement(entries, opened);
  ASSERT_TRUE(sample.verifier.check_parts(sample.srs, statement).ok());
  const std::vector<Scalar> first_alone(opened.begin(), opened.begin() + 1);
  statement.runs.pop_back();
  statement.values = first_alone;
  EXPECT_EQ(sample.verifier.check_parts(sample.srs, statement).step(), "proof shape");
}

TEST(Parts, UnderTheLevelOfTheKey) {
  const PartsSample sample({3, 2, 4}, 15), other({3, 2, 4}, 15, 6);
  const Selection layer{{0}, {2}}, tokens{{1}, {0}};
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, layer);
  const PartsStatement statement = sample.statement(layer, opened);
  EXPECT_EQ(sample.verifier.check_parts(other.srs, statement).step(), "level digests");
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(sample.srs.write_levels(1, directory.file("one.srs")).ok());
  const Srs trimmed = Srs::open(directory.file("one.srs")).value();
  EXPECT_EQ(trimmed.verifier_key(), sample.srs.verifier_key());
  EXPECT_EQ(VerifierKey::read(directory.file("one.srs")).value(), sample.srs.verifier_key());
  EXPECT_EQ(trimmed.first_level(), 1u);
  EXPECT_TRUE(sample.verifier.check_parts(trimmed, statement).ok());
  const std::vector<Scalar> first = values_of(sample.axes, sample.values, tokens);
  const Verdict above = sample.verifier.check_parts(trimmed, sample.statement(tokens, first));
  EXPECT_EQ(above.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(above.step(), "levels");
  EXPECT_NE(above.reason().find("level 0 is needed"), std::string::npos) << above.reason();
  EXPECT_EQ(verify_srs(trimmed).step(), "levels");
  EXPECT_EQ(commit(trimmed, sample.values).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(open_parts(trimmed, sample.values, layer).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(trimmed.write_levels(0, directory.file("no.srs")).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(sample.srs.write_levels(3, directory.file("no.srs")).error().code, ErrorCode::kOutOfRange);
  ASSERT_TRUE(trimmed.write_levels(2, directory.file("two.srs")).ok());
  EXPECT_EQ(Srs::open(directory.file("two.srs")).value().first_level(), 2u);
}

TEST(OpeningSum, FindsWhatIsFalseByHalves) {
  const PartsSample sample({3, 2, 4}, 15);
  std::vector<Statement> statements;
  for (std::uint64_t i = 0; i < 24; ++i) {
    const std::vector<std::uint32_t> point = sample.axes.coordinates_of(i);
    statements.push_back(
        {sample.commitment, test::to_fr(point), open(sample.srs, sample.values, point).value()});
  }
  for (const std::vector<std::size_t>& bad :
       {std::vector<std::size_t>{}, {0}, {23}, {3, 4}, {0, 11, 12, 23}, {5, 6, 7, 8, 9}}) {
    std::vector<Statement> some = statements;
    for (const std::size_t k : bad) some[k].opening.value += Fr::one();
    OpeningSum sum = OpeningSum::begin(sample.verifier).value();
    ASSERT_TRUE(sum.add(some).ok());
    EXPECT_EQ(sum.holds(), bad.empty());
    EXPECT_EQ(sum.find_false(24), bad);
    if (bad.size() > 1) {
      EXPECT_EQ(sum.find_false(1), std::vector<std::size_t>{bad[0]});
    }
    // Errors that cancel without weights are found too.
    sum.fold();
    EXPECT_EQ(sum.holds(), bad.empty());
    OpeningSum merged = OpeningSum::begin(sample.verifier).value();
    merged.merge(sum);
    EXPECT_EQ(merged.holds(), bad.empty());
  }
  std::vector<Statement> cancelling(statements.begin(), statements.begin() + 2);
  cancelling[0].opening.value += Fr::one();
  cancelling[1].opening.value -= Fr::one();
  OpeningSum sum = OpeningSum::begin(sample.verifier).value();
  ASSERT_TRUE(sum.add(cancelling).ok());
  EXPECT_FALSE(sum.holds());
}

// The sum is kept once it was asked for.
TEST(OpeningSum, TakesInWhatIsAddedAfterItWasAsked) {
  const PartsSample sample({3, 2, 4}, 15);
  Statement statement{sample.commitment, test::to_fr(sample.axes.coordinates_of(5)),
                      open(sample.srs, sample.values, sample.axes.coordinates_of(5)).value()};
  OpeningSum sum = OpeningSum::begin(sample.verifier).value();
  ASSERT_TRUE(sum.add({&statement, 1}).ok());
  ASSERT_TRUE(sum.holds());
  statement.opening.value += Fr::one();
  ASSERT_TRUE(sum.add({&statement, 1}).ok());
  EXPECT_FALSE(sum.holds());
  EXPECT_EQ(sum.find_false(1), std::vector<std::size_t>{1});

  test::Random random(12);
  const Selection entries = random_selection(random, sample.axes, 7, 3);
  std::vector<Scalar> values = values_of(sample.axes, sample.values, entries);
  OpeningSum of_parts = OpeningSum::begin(sample.verifier).value();
  ASSERT_TRUE(of_parts.add(sample.statement(entries, values), nullptr).ok());
  ASSERT_TRUE(of_parts.holds());
  values[0] = Scalar::from_i64(values[0] == Scalar::from_i64(3) ? 4 : 3);
  ASSERT_TRUE(of_parts.add(sample.statement(entries, values), nullptr).ok());
  EXPECT_FALSE(of_parts.holds());
}

TEST(OpeningSum, RefusesPartsOfAnotherForm) {
  const PartsSample sample({3, 2, 4}, 15);
  const Selection entries{{0, 1, 2}, {1, 6}};
  const std::vector<Scalar> opened = values_of(sample.axes, sample.values, entries);
  OpeningSum sum = OpeningSum::begin(sample.verifier).value();
  PartsStatement bad = sample.statement(entries, opened);
  bad.runs.pop_back();
  EXPECT_EQ(sum.add(bad, nullptr).step(), "proof shape");
  bad = sample.statement(entries, opened);
  bad.quotients.pop_back();
  EXPECT_EQ(sum.add(bad, nullptr).step(), "proof shape");
  bad = sample.statement(entries, opened);
  bad.quotients[0].x = bad.quotients[0].y;
  EXPECT_EQ(sum.add(bad, nullptr).step(), "proof points");
  EXPECT_TRUE(sum.add(sample.statement(entries, opened), nullptr).ok());
  EXPECT_TRUE(sum.holds()) << "nothing of those was added";
}

}  // namespace
}  // namespace assay::pst
