// One suite over all schemes: what one of them promises, all do.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>

#include "assay/claim_schemes.h"
#include "claim/test_support.h"
#include "claim/vector_places.h"

namespace assay::claim {
namespace {

using test::Fate;

/// What prover and verifier of a scheme have for tensors of one layout.
struct Sides {
  std::unique_ptr<Committer> committer;
  std::unique_ptr<Checker> checker;
};

Sides sides_of(Scheme scheme, const encode::Layout& layout, std::uint64_t seed = 7) {
  if (scheme == Scheme::kTensor) {
    const pst::Srs srs = pst::Srs::dev(layout.axes, seed).value();
    return {std::make_unique<TensorCommitter>(srs), std::make_unique<TensorChecker>(srs)};
  }
  if (scheme == Scheme::kKzg) {
    const kzg::Srs srs = kzg::Srs::dev(KzgCommitter::log_size_of(layout) + seed % 2, seed).value();
    return {std::make_unique<KzgCommitter>(srs), std::make_unique<KzgChecker>(srs)};
  }
  return {std::make_unique<MerkleCommitter>(), std::make_unique<MerkleChecker>()};
}

/// A tensor committed to by one scheme.
struct Made {
  Sides sides;
  tensor::IntegerArray values;
  Commitment commitment;

  [[nodiscard]] Proofs open(std::span<const Query> queries) const {
    return prove(*sides.committer, commitment, values.view(), queries).value();
  }
  [[nodiscard]] Verification check(const Proofs& proofs, const VerifyOptions& options = {}) const {
    return verify(commitment, proofs, *sides.checker, options);
  }
};

Made make(Scheme scheme, const encode::Layout& layout, encode::Encoding encoding,
          std::optional<tensor::Dtype> dtype, const std::vector<tensor::IntegerTensor>& layers,
          std::uint64_t seed = 7) {
  Sides sides = sides_of(scheme, layout, seed);
  tensor::IntegerArray values = encode::apply_layout(layout, layers).value();
  Commitment commitment =
      commit(*sides.committer, {layout, encoding, dtype, CaptureMode::kDecode, {}}, values.view()).value();
  return {std::move(sides), std::move(values), std::move(commitment)};
}

/// Layers of one shape with values that any integer type of `bits` bits holds.
std::vector<tensor::IntegerTensor> random_layers(std::mt19937_64& random, std::size_t count,
                                                 const tensor::Shape& shape, unsigned bits) {
  std::vector<tensor::IntegerTensor> layers;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = tensor::element_count(shape, "test").value();
    const std::string name = fmt::format("layer_{}", i);
    if (bits == 8) {
      std::vector<std::int8_t> values(size);
      for (auto& value : values) value = static_cast<std::int8_t>(random());
      layers.push_back({name, shape, tensor::IntegerArray::own(std::move(values)), ""});
    } else if (bits == 32) {
      std::vector<std::int32_t> values(size);
      for (auto& value : values) value = static_cast<std::int32_t>(random());
      layers.push_back({name, shape, tensor::IntegerArray::own(std::move(values)), ""});
    } else {
      std::vector<Scalar> values(size);
      for (auto& value : values) {
        const bool negative = random() % 2 == 0;
        value = Scalar::from_magnitude(negative, {random(), random(), random() % 4, 0}, "test").value();
      }
      layers.push_back({name, shape, tensor::IntegerArray::own(std::move(values)), ""});
    }
  }
  return layers;
}

/// A random tensor: flat, cube and model layouts in turn, in integers of 8, 32 and up to 130 bits.
Made random_tensor(Scheme scheme, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::array bits{8U, 32U, 130U};
  const unsigned width = bits[seed / 3 % 3];
  const std::optional<tensor::Dtype> dtype = width == 8    ? std::optional(tensor::Dtype::kI8)
                                             : width == 32 ? std::optional(tensor::Dtype::kI32)
                                                           : std::nullopt;
  const auto below = [&](std::uint64_t n) { return 1 + random() % n; };
  if (seed % 3 == 0) {
    const auto layers = random_layers(random, 1, {below(5), below(4), below(300)}, width);
    return make(scheme, encode::plan_flat(encode::shapes_of(layers)).value(), {}, dtype, layers, seed);
  }
  if (seed % 3 == 1) {
    const auto layers = random_layers(random, below(3), {below(40)}, width);
    encode::CubeOptions options;
    options.min_dim = 2;
    options.max_dim = 5;
    return make(scheme, encode::plan_cube(encode::shapes_of(layers), options).value(), {}, dtype, layers,
                seed);
  }
  const auto layers = random_layers(random, below(4), {1, below(6), below(40)}, width);
  const std::uint64_t tokens = layers[0].shape[1];
  return make(scheme, encode::plan_model(encode::shapes_of(layers), tokens + random() % 3).value(), {}, dtype,
              layers, seed);
}

/// Slices along every set of axes, at some of their positions; sets; entries.
std::vector<Query> random_queries(const Axes& axes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Query> queries;
  const auto add = [&](Query query) {
    if (std::ranges::find(queries, query) == queries.end()) queries.push_back(std::move(query));
  };
  for (unsigned i = 0; i < 5; ++i) add(Query::on_grid(axes.coordinates_of(random() % axes.volume())));
  for (std::uint32_t mask = 1; mask < (1U << axes.count()); ++mask) {
    Selection parts;
    std::uint64_t positions = 1;
    for (std::uint32_t axis = 0; axis < axes.count(); ++axis)
      if ((mask >> axis & 1) != 0) {
        parts.fixed.push_back(axis);
        positions *= axes[axis];
      }
    for (unsigned i = 0; i < 4; ++i)
      parts.positions.push_back(static_cast<std::uint32_t>(random() % positions));
    std::ranges::sort(parts.positions);
    parts.positions.erase(std::unique(parts.positions.begin(), parts.positions.end()), parts.positions.end());
    add(Query::of_parts(std::move(parts), axes));
  }
  return queries;
}

class EveryScheme : public ::testing::TestWithParam<Scheme> {};

TEST_P(EveryScheme, OpensWhateverItIsAskedFor) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Made made = random_tensor(GetParam(), seed);
    EXPECT_EQ(made.commitment.header.scheme, GetParam());
    const Axes& axes = made.commitment.header.layout.axes;
    const Bytes committed = made.commitment.encode();
    std::vector<Query> possible;
    for (const Query& query : random_queries(axes, seed)) {
      const Result<Proofs> proofs =
          prove(*made.sides.committer, made.commitment, made.values.view(), {&query, 1});
      // Padding alone is the one thing that a scheme may decline to show.
      if (!proofs.ok()) {
        EXPECT_EQ(proofs.error().code, ErrorCode::kUnsupported) << proofs.error().to_string();
        continue;
      }
      possible.push_back(query);
    }
    const Captured own{made.values, {}};
    VerifyOptions options;
    options.captured = &own;
    // The scheme tensor checks slices along so many sets of axes in one call.
    for (std::size_t first = 0; first < possible.size(); first += TensorChecker::kMaxBases) {
      const std::size_t count = std::min(possible.size() - first, TensorChecker::kMaxBases);
      const Proofs all = made.open(std::span(possible).subspan(first, count));
      const Verdict verdict = made.check(Proofs::decode(all.encode(), "proofs").value(), options).verdict;
      EXPECT_TRUE(verdict.ok()) << "seed " << seed << ": " << verdict.step() << ": " << verdict.reason();
      EXPECT_EQ(test::judge(committed, all.encode(), *made.sides.checker), Fate::kAccepted);
      for (std::size_t k = 0; k < all.size(); ++k) {
        if (!all.query(k).is_on_grid()) continue;
        EXPECT_EQ(all.value(k).to_scalar(), made.values.view()[axes.index_of(all.query(k).grid).value()]);
      }
    }
  }
}

/// A model of 3 layers, 4 tokens of room for 5, rows of 17 values in 18 places.
Made model_of(Scheme scheme, std::uint64_t seed = 7) {
  std::mt19937_64 random(seed);
  const auto layers = random_layers(random, 3, {1, 4, 17}, 8);
  return make(scheme, encode::plan_model(encode::shapes_of(layers), 5).value(), {}, tensor::Dtype::kI8,
              layers, seed);
}

std::vector<Query> queries_of_model(const Made& made) {
  const encode::Layout& layout = made.commitment.header.layout;
  std::vector<Query> queries{Query::on_grid(layout.axes.coordinates_of(2))};
  queries.push_back(query_of_slice(layout, {"layer_1", {}, {}}).value());
  queries.push_back(query_of_slice(layout, {{}, {{2, 2}}, {}}).value());
  queries.push_back(query_of_slice(layout, {"layer_0", {{1, 2}}, {}}).value());
  queries.push_back(query_of_slice(layout, {"layer_2", {}, 3}).value());
  queries.push_back(
      query_of_set(layout.axes, std::vector{layout.axes.coordinates_of(0), layout.axes.coordinates_of(7)})
          .value());
  return queries;
}

TEST_P(EveryScheme, EveryByteMatters) {
  const Made made = model_of(GetParam());
  const Bytes committed = made.commitment.encode();
  for (const Query& query : queries_of_model(made)) {
    const Bytes proofs = made.open({&query, 1}).encode();
    ASSERT_EQ(test::judge(committed, proofs, *made.sides.checker), Fate::kAccepted) << query.to_string();
    Bytes changed = proofs;
    for (std::size_t at = 0; at < proofs.size(); ++at) {
      changed[at] = static_cast<std::uint8_t>(proofs[at] ^ (1U << (at % 8)));
      const Fate fate = test::judge(committed, changed, *made.sides.checker);
      ASSERT_TRUE(fate == Fate::kRefused || fate == Fate::kRejected) << query.to_string() << ", byte " << at;
      changed[at] = proofs[at];
    }
    for (std::size_t length = 0; length < proofs.size(); ++length)
      ASSERT_EQ(test::judge(committed, ByteSpan(proofs).first(length), *made.sides.checker), Fate::kRefused);
  }
  const Query entry = queries_of_model(made)[0];
  const Bytes proofs = made.open({&entry, 1}).encode();
  Bytes changed = committed;
  for (std::size_t at = 0; at < committed.size(); ++at) {
    changed[at] = static_cast<std::uint8_t>(committed[at] ^ (1U << (at % 8)));
    const Fate fate = test::judge(changed, proofs, *made.sides.checker);
    ASSERT_TRUE(fate == Fate::kRefused || fate == Fate::kRejected) << "byte " << at;
    changed[at] = committed[at];
  }
}

// The same values under another header have another digest, but the same C: where proofs are made to name it,
// what is left is the evidence, which holds in every scheme.
TEST_P(EveryScheme, AnotherCIsRejectedUnderItsOwnDigest) {
  const Made made = model_of(GetParam()), other = model_of(GetParam(), 9);
  for (const Query& query : queries_of_model(made)) {
    Commitment posing = made.commitment;
    posing.value = other.commitment.value;
    Proofs proofs = made.open({&query, 1});
    proofs.commitment_digest = posing.digest();
    const Verdict verdict = verify(posing, proofs, *made.sides.checker).verdict;
    EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << query.to_string();
  }
}

TEST_P(EveryScheme, ChangedValuesAreRejected) {
  const Made made = model_of(GetParam());
  for (const Query& query : queries_of_model(made)) {
    const Proofs honest = made.open({&query, 1});
    const std::uint64_t count = honest.value_count(0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Proofs changed = test::edited(honest, [&](std::vector<Proof>& list) {
        if (!query.is_of_parts()) {
          list[0].answer.value += Fr::one();
          return;
        }
        std::vector<std::int64_t> values(count);
        for (std::uint64_t k = 0; k < count; ++k)
          values[k] = static_cast<std::int8_t>(list[0].answer.values[1 + k]);
        values[i] = values[i] == 127 ? 126 : values[i] + 1;
        list[0].answer.values = pack_values(values);
      });
      const Verification found = made.check(changed);
      ASSERT_EQ(found.verdict.outcome(), Outcome::kRejected) << query.to_string() << ", value " << i;
      EXPECT_EQ(found.verdict.item(), 0U);
    }
  }
}

TEST_P(EveryScheme, EvidenceOfAnotherLengthHasNotTheShape) {
  const Made made = model_of(GetParam());
  for (const Query& query : queries_of_model(made)) {
    const Proofs honest = made.open({&query, 1});
    const std::size_t bytes = honest.evidence(0).size();
    for (const std::size_t length : {std::size_t{0}, bytes - 1, bytes + 1, bytes + 32}) {
      const Proofs changed =
          test::edited(honest, [&](std::vector<Proof>& list) { list[0].answer.evidence.resize(length); });
      const Verdict verdict = made.check(changed).verdict;
      EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << query.to_string() << ", " << length;
      EXPECT_NE(verdict.step(), "opening equation");
    }
  }
}

TEST_P(EveryScheme, NamesTheFalseOnesAmongMany) {
  const Made made = model_of(GetParam());
  const Axes& axes = made.commitment.header.layout.axes;
  std::vector<Query> queries;
  for (std::uint64_t row = 0; row < 4; ++row)
    for (std::uint64_t i = 0; i < 9; ++i)
      queries.push_back(Query::on_grid(axes.coordinates_of(row * axes.volume(2) + i)));
  const std::vector<std::size_t> which{3, 17, 35};
  const Proofs changed = test::edited(made.open(queries), [&](std::vector<Proof>& list) {
    for (const std::size_t k : which)
      list[k].answer.value = list[k].answer.value.is_zero() ? Fr::one() : Fr::zero();
  });
  const Verification found = made.check(changed);
  EXPECT_EQ(found.verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(found.false_proofs, which);
  EXPECT_EQ(found.verified(3), false);
  EXPECT_EQ(found.verified(4), true);
}

TEST_P(EveryScheme, ManyClaimsAtOnce) {
  const Made made = model_of(GetParam());
  const std::vector<Query> queries = queries_of_model(made);
  const Proofs good = made.open(queries);
  const Proofs bad = test::edited(good, [](std::vector<Proof>& list) { list[0].answer.value += Fr::one(); });
  std::vector<Claim> claims;
  for (const Proofs* proofs : {&good, &bad, &good}) claims.push_back({&made.commitment, proofs, {}});
  const std::vector<Verification> found = verify_all(claims, *made.sides.checker);
  EXPECT_TRUE(found[0].verdict.ok());
  EXPECT_EQ(found[1].verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(found[1].verdict.step(), made.check(bad).verdict.step());
  EXPECT_EQ(found[1].verdict.item(), 0U);
  EXPECT_TRUE(found[2].verdict.ok());
}

TEST_P(EveryScheme, ParametersOfAnotherSchemeAreNamed) {
  const Made made = model_of(GetParam());
  const Query entry = queries_of_model(made)[0];
  const Proofs proofs = made.open({&entry, 1});
  for (const Scheme other : {Scheme::kTensor, Scheme::kKzg, Scheme::kMerkle}) {
    if (other == GetParam()) continue;
    const Sides theirs = sides_of(other, made.commitment.header.layout);
    EXPECT_EQ(verify(made.commitment, proofs, *theirs.checker).verdict.step(), "scheme");
    const Result<Proofs> opened = prove(*theirs.committer, made.commitment, made.values.view(), {&entry, 1});
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMismatch);
    EXPECT_NE(opened.error().reason.find(to_string(other)), std::string::npos) << opened.error().reason;
  }
}

TEST_P(EveryScheme, NeedsParametersUnlessItHasNoSetup) {
  const Result<std::unique_ptr<Committer>> committer = committer_of(GetParam());
  const Result<std::unique_ptr<Checker>> checker = checker_of(GetParam());
  if (GetParam() == Scheme::kMerkle) {
    EXPECT_EQ(committer.value()->scheme(), Scheme::kMerkle);
    EXPECT_EQ(checker.value()->scheme(), Scheme::kMerkle);
    return;
  }
  const std::string needed = fmt::format("SRS: the scheme {} needs one", to_string(GetParam()));
  ASSERT_FALSE(committer.ok());
  EXPECT_EQ(committer.error().to_string(), needed);
  ASSERT_FALSE(checker.ok());
  EXPECT_EQ(checker.error().to_string(), needed);
}

TEST_P(EveryScheme, AnotherSetupIsRejected) {
  const Made made = model_of(GetParam());
  if (!made.sides.checker->setup_digest()) {
    Header header = made.commitment.header;
    header.setup_digest = Digest{};
    EXPECT_EQ(header.validate().error().code, ErrorCode::kMismatch);
    EXPECT_FALSE(Header::decode(header.encode(), "header").ok());
    return;
  }
  const Query entry = queries_of_model(made)[0];
  const Sides other = sides_of(GetParam(), made.commitment.header.layout, 8);
  EXPECT_EQ(verify(made.commitment, made.open({&entry, 1}), *other.checker).verdict.step(), "SRS digest");
  Header header = made.commitment.header;
  header.setup_digest.reset();
  EXPECT_EQ(header.validate().error().code, ErrorCode::kMismatch);
}

TEST_P(EveryScheme, PointsOffTheGridAreAnsweredOrRefusedByName) {
  const Made made = model_of(GetParam());
  const Axes& axes = made.commitment.header.layout.axes;
  const Query query = Query::anywhere(std::vector<Fr>(axes.count(), Fr::from_u64(77)), axes);
  const Result<Proofs> proofs =
      prove(*made.sides.committer, made.commitment, made.values.view(), {&query, 1});
  if (GetParam() == Scheme::kTensor) {
    EXPECT_TRUE(made.check(proofs.value()).verdict.ok());
    return;
  }
  ASSERT_FALSE(proofs.ok());
  EXPECT_EQ(proofs.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(proofs.error().reason.find(to_string(GetParam())), std::string::npos);
  EXPECT_NE(proofs.error().reason.find("open entries"), std::string::npos);
  // Nothing stands there, and so any value could be claimed by as much evidence as nothing needs.
  for (const std::size_t bytes : {0, 32, 64}) {
    const Proof forged{query, {Fr::one(), Bytes(bytes), {}}};
    const Proofs file(made.commitment.digest(), static_cast<std::uint32_t>(axes.count()), {&forged, 1});
    const Verdict verdict = made.check(file).verdict;
    EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << bytes;
    EXPECT_EQ(verdict.step(), "proof shape") << bytes;
    EXPECT_NE(verdict.reason().find("has no points off the grid"), std::string::npos) << verdict.reason();
    EXPECT_EQ(verdict.item(), 0U);
  }
}

// A provider that hides something in the padding cannot open it, nor a slice across it.
TEST_P(EveryScheme, PaddingIsZeros) {
  Made made = model_of(GetParam());
  const encode::Layout& layout = made.commitment.header.layout;
  std::vector<std::int8_t> values(layout.axes.volume());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Scalar value = made.values.view()[i];
    values[i] = static_cast<std::int8_t>(value.is_negative() ? -static_cast<int>(value.magnitude().words[0])
                                                             : static_cast<int>(value.words[0]));
  }
  const std::uint64_t width = layout.axes.volume(2);
  ASSERT_GT(width, 17U);
  values[17] = 5;         // behind the first row
  values[4 * width] = 6;  // a token that never came
  const Commitment hidden =
      commit(*made.sides.committer, made.commitment.header, IntegerView(values)).value();
  for (const std::uint64_t index : {std::uint64_t{17}, 4 * width}) {
    const Query query = Query::on_grid(layout.axes.coordinates_of(index));
    const Proofs proofs = prove(*made.sides.committer, hidden, IntegerView(values), {&query, 1}).value();
    EXPECT_EQ(verify(hidden, proofs, *made.sides.checker).verdict.step(), "padding");
  }
  const Query layer = query_of_slice(layout, {"layer_0", {}, {}}).value();
  const Proofs proofs = prove(*made.sides.committer, hidden, IntegerView(values), {&layer, 1}).value();
  const Verdict verdict = verify(hidden, proofs, *made.sides.checker).verdict;
  // The leaves of a tree have no padding in them.
  EXPECT_EQ(verdict.outcome(), GetParam() == Scheme::kMerkle ? Outcome::kAccepted : Outcome::kRejected);
}

// One position behind a row, one of a token that never came: the header says that they are zeros.
TEST_P(EveryScheme, PaddingIsOpenedByTheEvidenceOfItsSchemeAlone) {
  const Made made = model_of(GetParam());
  const Axes& axes = made.commitment.header.layout.axes;
  for (const std::uint64_t index : {std::uint64_t{17}, 4 * axes.volume(2)}) {
    const Query query = Query::on_grid(axes.coordinates_of(index));
    const Proofs honest = made.open({&query, 1});
    EXPECT_EQ(honest.evidence(0).empty(), GetParam() == Scheme::kMerkle);
    EXPECT_TRUE(made.check(honest).verdict.ok());
    const Proofs longer = test::edited(honest, [](std::vector<Proof>& list) {
      list[0].answer.evidence.resize(list[0].answer.evidence.size() + 32);
    });
    EXPECT_EQ(made.check(longer).verdict.step(), "proof shape");
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryScheme, ::testing::Values(Scheme::kTensor, Scheme::kKzg, Scheme::kMerkle),
                         [](const auto& scheme) { return std::string(to_string(scheme.param)); });

// ---- What is particular to one of them

TEST(KzgScheme, AlignedRunsTakeOnePoint) {
  std::mt19937_64 random(1);
  const auto layers = random_layers(random, 4, {1, 8, 20}, 8);
  const Made made = make(Scheme::kKzg, encode::plan_model(encode::shapes_of(layers)).value(), {},
                         tensor::Dtype::kI8, layers);
  const encode::Layout& layout = made.commitment.header.layout;
  const auto points = [&](const SliceNames& names) {
    const Query query = query_of_slice(layout, names).value();
    const Proofs proofs = made.open({&query, 1});
    EXPECT_TRUE(made.check(proofs).verdict.ok());
    return proofs.evidence(0).size() / 32;
  };
  EXPECT_EQ(points({"layer_2", {}, {}}), 1U);
  EXPECT_EQ(points({"layer_2", {{3, 3}}, {}}), 1U);
  EXPECT_EQ(points({"layer_2", {{4, 7}}, {}}), 1U);
  EXPECT_EQ(points({"layer_2", {{0, 7}}, {}}), 1U);
  EXPECT_EQ(points({"layer_2", {{1, 6}}, {}}), 4U);  // 1, 2 to 3, 4 to 5, 6
  EXPECT_EQ(points({{}, {{5, 5}}, {}}), 4U);         // a row of each layer
  EXPECT_EQ(points({{}, {}, 7}), 2U);                // all values by one proof of 64 bytes
  Selection layers01{{0}, {0, 1}};
  const Query both = Query::of_parts(layers01, layout.axes);
  EXPECT_EQ(made.open({&both, 1}).evidence(0).size(), 32U);
}

TEST(KzgScheme, BlocksNeedPointsOfTheSrs) {
  const Made made = model_of(Scheme::kKzg);
  const std::vector<Query> queries = queries_of_model(made);
  const auto& whole = dynamic_cast<const KzgChecker&>(*made.sides.checker);
  const KzgChecker bare(whole.key());
  for (std::size_t k = 0; k < queries.size(); ++k) {
    const Verdict verdict = verify(made.commitment, made.open({&queries[k], 1}), bare).verdict;
    const bool is_of_blocks = k >= 1 && k <= 3;
    EXPECT_EQ(verdict.outcome(), is_of_blocks ? Outcome::kInconclusive : Outcome::kAccepted) << k;
    EXPECT_EQ(verdict.step(), is_of_blocks ? "basis points" : "");
  }
}

TEST(KzgScheme, PointsAreThoseOfTheVerifiersKey) {
  const Made made = model_of(Scheme::kKzg);
  const Query layer = queries_of_model(made)[1];
  const unsigned log_size = KzgCommitter::log_size_of(made.commitment.header.layout) + 1;
  const test::TemporaryDirectory folder;
  ASSERT_TRUE(kzg::Srs::dev(log_size, 7).value().write(folder.file("kzg.srs")).ok());
  Bytes bytes;
  {
    std::ifstream in(folder.file("kzg.srs"), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  bytes[bytes.size() - 64 * (std::size_t{1} << log_size)] ^= 1;
  std::ofstream(folder.file("kzg.srs"), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const std::unique_ptr<Checker> checker = read_checker(folder.file("kzg.srs")).value();
  EXPECT_EQ(verify(made.commitment, made.open({&layer, 1}), *checker).verdict.step(), "basis digests");
}

TEST(KzgScheme, TensorsThatDoNotFitAreRefused) {
  const Made made = model_of(Scheme::kKzg);
  const unsigned log_size = KzgCommitter::log_size_of(made.commitment.header.layout);
  const KzgCommitter small(kzg::Srs::dev(log_size - 1, 7).value());
  const Result<Commitment> refused = commit(small, made.commitment.header, made.values.view());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMismatch);
  // A header that names such parameters all the same.
  Commitment posing = made.commitment;
  const KzgChecker checker(kzg::Srs::dev(log_size - 1, 7).value());
  posing.header.setup_digest = checker.setup_digest();
  Proofs proofs(posing.digest(), 4);
  const Query entry = queries_of_model(made)[0];
  proofs.add(entry, made.open({&entry, 1})[0].answer);
  EXPECT_EQ(verify(posing, proofs, checker).verdict.step(), "axes");
}

TEST(KzgScheme, ASliceOfPaddingAloneShowsNothing) {
  const Made made = model_of(Scheme::kKzg);
  const encode::Layout& layout = made.commitment.header.layout;
  const Query column = query_of_slice(layout, {{}, {}, 3}).value();
  const Proofs changed = test::edited(made.open({&column, 1}), [](std::vector<Proof>& list) {
    list[0].query.parts.positions = {17};
    list[0].answer.values = pack_values(std::vector<std::int64_t>{});
  });
  EXPECT_EQ(made.check(changed).verdict.step(), "proof shape");
}

// A token that never came is whole blocks of zeros, and these are shown.
TEST(KzgScheme, BlocksOfPaddingAloneAreShown) {
  const Made made = model_of(Scheme::kKzg);
  const Axes& axes = made.commitment.header.layout.axes;
  const Query token = Query::of_parts({{1}, {4}}, axes);
  const Proofs proofs = made.open({&token, 1});
  EXPECT_EQ(proofs.value_count(0), 0U);
  EXPECT_EQ(proofs.evidence(0).size(), 32U * 3);
  EXPECT_TRUE(made.check(proofs).verdict.ok());
  // Of a column of padding there are no blocks.
  const Query column = Query::of_parts({{2, 3}, {17}}, axes);
  const Result<Proofs> none = prove(*made.sides.committer, made.commitment, made.values.view(), {&column, 1});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(none.error().place, "point 0: slice");
}

TEST(KzgScheme, EveryValueHasAPlaceOfItsOwn) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const Made made = random_tensor(Scheme::kMerkle, seed);
    const encode::Layout& layout = made.commitment.header.layout;
    const internal::VectorPlaces places(layout);
    std::uint64_t found = 0;
    for (std::uint64_t place = 0; place < std::uint64_t{1} << places.log_size(); ++place) {
      const auto index = places.index_of(place);
      if (!index) continue;
      EXPECT_EQ(places.of(*index), place);
      ++found;
    }
    EXPECT_EQ(found, layout.axes.volume());
    const tensor::IntegerArray filled = places.fill(made.values.view());
    ASSERT_EQ(filled.size(), places.count());
    for (std::uint64_t place = 0; place < places.count(); ++place) {
      const auto index = places.index_of(place);
      EXPECT_EQ(filled.view()[place], index ? made.values.view()[*index] : Scalar{});
    }
    for (const Query& query : random_queries(layout.axes, seed)) {
      if (!query.is_of_parts()) continue;
      const auto blocks = places.blocks_of(query.parts);
      if (!blocks) continue;
      // The blocks hold the values of the parts, and none that is another's.
      std::uint64_t within = 0;
      for (const internal::VectorBlock& block : *blocks)
        for (std::uint64_t i = 0; i < std::uint64_t{1} << block.log_size; ++i)
          within += places.index_of((block.number << block.log_size) + i) ? 1 : 0;
      EXPECT_EQ(within, query.parts.part_size(layout.axes) * query.parts.positions.size());
    }
  }
}

// Rows of one value, as many as a tree has leaves, and one layer more.
TEST(MerkleScheme, ALayoutHasNoMoreRowsThanATreeHasLeaves) {
  const auto status_of = [](std::size_t count) {
    std::vector<encode::LayerShape> layers;
    for (std::size_t i = 0; i < count; ++i)
      layers.push_back({fmt::format("layer_{}", i), {Axes::kMaxSize, 1}, ""});
    return MerkleCommitter().check_layout(encode::plan_model(layers).value());
  };
  EXPECT_TRUE(status_of(256).ok());
  const Status more = status_of(257);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(more.error().to_string(),
            "layout: its 269484032 rows are more than the 268435456 leaves that a tree has");
}

TEST(MerkleScheme, RowsTakeHashesAlone) {
  const Made made = model_of(Scheme::kMerkle);
  const encode::Layout& layout = made.commitment.header.layout;
  const auto evidence = [&](const SliceNames& names) {
    const Query query = query_of_slice(layout, names).value();
    return made.open({&query, 1}).evidence(0).size();
  };
  // 12 rows: the root, and beside a layer of four the two others.
  EXPECT_EQ(evidence({"layer_1", {}, {}}), 32U * 3);
  EXPECT_EQ(evidence({"layer_1", {{2, 2}}, {}}), 32U * 5);
  // A value brings the rest of its row, a byte each behind their width.
  const Query entry = Query::on_grid(layout.axes.coordinates_of(2));
  EXPECT_EQ(made.open({&entry, 1}).evidence(0).size(), 32U * 5 + 18);
}

// No leaf has a value there, and so no evidence would be asked for: any value could be claimed.
TEST(MerkleScheme, HasNoPointsOffTheGrid) {
  const Made made = model_of(Scheme::kMerkle);
  const Axes& axes = made.commitment.header.layout.axes;
  const Query entry = Query::on_grid(axes.coordinates_of(2));
  Proofs proofs = made.open({&entry, 1});
  ASSERT_TRUE(made.check(proofs).verdict.ok());
  proofs.add(Query::anywhere(std::vector<Fr>(axes.count(), Fr::from_u64(77)), axes), {Fr::one(), {}, {}});
  const Verdict verdict = made.check(proofs).verdict;
  EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_EQ(verdict.reason(), "a commitment to the leaves of a tree has no points off the grid");
  EXPECT_EQ(verdict.item(), 1U);
}

// A search ends at so many, and says of those behind it nothing.
TEST(MerkleScheme, NamesSoManyFalseOnes) {
  const Made made = model_of(Scheme::kMerkle);
  const Axes& axes = made.commitment.header.layout.axes;
  std::vector<Query> queries;
  for (std::uint64_t row = 0; row < 2; ++row)
    for (std::uint64_t i = 0; i < 10; ++i)
      queries.push_back(Query::on_grid(axes.coordinates_of(row * axes.volume(2) + i)));
  constexpr std::size_t kMost = Verification::kMaxFalse;
  const Proofs changed = test::edited(made.open(queries), [](std::vector<Proof>& list) {
    for (std::size_t k = 0; k <= kMost; ++k)
      list[k].answer.value = list[k].answer.value.is_zero() ? Fr::one() : Fr::zero();
  });
  const Verification found = made.check(changed);
  EXPECT_EQ(found.verdict.step(), "leaf");
  EXPECT_EQ(found.verdict.item(), 0U);
  EXPECT_EQ(test::figure(found.verdict, "false proofs"), "16 at least");
  std::vector<std::size_t> first(kMost);
  std::iota(first.begin(), first.end(), std::size_t{0});
  EXPECT_EQ(found.false_proofs, first);
  EXPECT_EQ(found.verified(kMost - 1), false);
  EXPECT_EQ(found.verified(kMost), std::nullopt);
  EXPECT_EQ(found.verified(kMost + 1), std::nullopt);
}

TEST(MerkleScheme, LeavesMustBeTheCommittedOnes) {
  const Made made = model_of(Scheme::kMerkle);
  const Query entry = Query::on_grid(made.commitment.header.layout.axes.coordinates_of(2));
  const Proofs honest = made.open({&entry, 1});
  const auto step = [&](const auto& change) {
    return made.check(test::edited(honest, [&](std::vector<Proof>& list) { change(list[0].answer); }))
        .verdict.step();
  };
  const auto other = [](const Answer& answer) {
    return answer.value == Fr::from_i64(7) ? Fr::from_i64(8) : Fr::from_i64(7);
  };
  EXPECT_EQ(step([&](Answer& answer) { answer.value = other(answer); }), "leaf");
  // The shown leaf changed along with the value.
  EXPECT_EQ(step([&](Answer& answer) {
              const Fr value = other(answer);
              answer.value = value;
              answer.evidence[32 + 1 + 2] = static_cast<std::uint8_t>(value.to_scalar().words[0]);
            }),
            "root");
  EXPECT_EQ(step([](Answer& answer) { answer.evidence[0] ^= 1; }), "root");
  EXPECT_EQ(step([](Answer& answer) { answer.evidence.back() ^= 1; }), "root");
  EXPECT_EQ(step([](Answer& answer) { answer.evidence[32] = 3; }), "proof shape");
  EXPECT_EQ(step([](Answer& answer) { answer.evidence.resize(answer.evidence.size() - 32); }),
            "proof length");
  // The same leaf in more bytes than it needs has another hash, and is refused before.
  EXPECT_EQ(step([](Answer& answer) {
              Bytes wide(answer.evidence.begin(), answer.evidence.begin() + 32);
              wide.push_back(2);
              for (std::size_t i = 0; i < 17; ++i) {
                const std::uint8_t byte = answer.evidence[33 + i];
                wide.push_back(byte);
                wide.push_back(byte >= 0x80 ? 0xff : 0);
              }
              wide.insert(wide.end(), answer.evidence.begin() + 50, answer.evidence.end());
              answer.evidence = std::move(wide);
            }),
            "proof shape");
  // A leaf that is cut off.
  const Proofs cut =
      test::edited(honest, [](std::vector<Proof>& list) { list[0].answer.evidence.resize(32 + 1 + 10); });
  const Verdict verdict = made.check(cut).verdict;
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_NE(verdict.reason().find("17 values of 1 bytes, 10 bytes are left"), std::string::npos)
      << verdict.reason();
}

// Each that does not lead to C is false by itself, as each whose leaf has another value is.
TEST(MerkleScheme, NamesEveryOneThatDoesNotLeadToTheRoot) {
  const Made made = model_of(Scheme::kMerkle);
  const Axes& axes = made.commitment.header.layout.axes;
  std::vector<Query> queries;
  for (std::uint64_t i = 0; i < 4; ++i) queries.push_back(Query::on_grid(axes.coordinates_of(i)));
  const Proofs changed = test::edited(made.open(queries), [](std::vector<Proof>& list) {
    list[1].answer.evidence[0] ^= 1;
    list[2].answer.value = list[2].answer.value.is_zero() ? Fr::one() : Fr::zero();
    list[3].answer.evidence.back() ^= 1;
  });
  const Verification found = made.check(changed);
  EXPECT_EQ(found.verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(found.verdict.step(), "root");
  EXPECT_EQ(found.verdict.item(), 1U);
  EXPECT_EQ(found.false_proofs, (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(found.verified(0), true);
}

// One that has no form is named before one that is false.
TEST(MerkleScheme, EvidenceOfNoFormIsToldFirst) {
  const Made made = model_of(Scheme::kMerkle);
  const Axes& axes = made.commitment.header.layout.axes;
  const std::vector<Query> queries{Query::on_grid(axes.coordinates_of(2)),
                                   Query::on_grid(axes.coordinates_of(3))};
  const Proofs changed = test::edited(made.open(queries), [](std::vector<Proof>& list) {
    list[0].answer.value = list[0].answer.value.is_zero() ? Fr::one() : Fr::zero();
    list[1].answer.evidence[32] = 3;
  });
  const Verdict verdict = made.check(changed).verdict;
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_EQ(verdict.item(), 1U);
}

TEST(MerkleScheme, ValuesOfEveryWidthGoThroughAFile) {
  for (const auto& [value, width] : std::vector<std::pair<std::int64_t, int>>{
           {100, 1}, {1000, 2}, {100000, 4}, {std::int64_t{1} << 40, 8}}) {
    std::vector<tensor::IntegerTensor> layers;
    for (const char* name : {"layer_0", "layer_1"})
      layers.push_back(
          {name, {1, 2, 17}, tensor::IntegerArray::own(std::vector<std::int64_t>(34, value)), ""});
    const Made made = make(Scheme::kMerkle, encode::plan_model(encode::shapes_of(layers)).value(), {},
                           tensor::Dtype::kI64, layers);
    const encode::Layout& layout = made.commitment.header.layout;
    const std::vector<Query> queries{Query::on_grid(layout.axes.coordinates_of(2)),
                                     query_of_slice(layout, {"layer_1", {}, {}}).value()};
    const Bytes bytes = made.open(queries).encode();
    const Result<Proofs> proofs = Proofs::decode(bytes, "proofs");
    ASSERT_TRUE(proofs.ok()) << proofs.error().to_string();
    EXPECT_EQ(proofs->evidence(0)[32], width) << "of the values of the leaf";
    const Verdict verdict = made.check(*proofs).verdict;
    EXPECT_TRUE(verdict.ok()) << width << " bytes: " << verdict.reason();
  }
}

}  // namespace
}  // namespace assay::claim
