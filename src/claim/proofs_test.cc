#include <gmock/gmock.h>

#include "base/file.h"
#include "claim/query_rules.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

/// One proof on the grid and one off it.
Proofs both_kinds(const Sample& sample) {
  const std::vector<Query> points{Query::on_grid({2, 1}),
                                  Query::anywhere({Fr::from_i64(-4), Fr::from_u64(1)}, sample.srs.axes())};
  return prove(sample.srs, sample.commitment, sample.values.view(), points).value();
}

TEST(Query, HasOneFormOverGivenAxes) {
  const Axes axes = test::axes_of({3, 4});
  EXPECT_TRUE(Query::anywhere({Fr::from_u64(2), Fr::from_u64(3)}, axes).is_on_grid());
  EXPECT_EQ(Query::anywhere({Fr::from_u64(2), Fr::from_u64(3)}, axes), Query::on_grid({2, 3}));
  EXPECT_FALSE(Query::anywhere({Fr::from_u64(2), Fr::from_u64(4)}, axes).is_on_grid());
  EXPECT_FALSE(Query::anywhere({Fr::from_i64(-1), Fr::from_u64(0)}, axes).is_on_grid());
  EXPECT_FALSE(
      Query::anywhere({Fr::from_u64((std::uint64_t{1} << 32) + 1), Fr::from_u64(0)}, axes).is_on_grid());
  EXPECT_FALSE(Query::anywhere({Fr::from_u64(0)}, axes).is_on_grid());
  EXPECT_EQ(Query::on_grid({2, 3}).coordinates(), (std::vector<Fr>{Fr::from_u64(2), Fr::from_u64(3)}));
}

TEST(Query, IsOfOneKindAlone) {
  const Axes axes = test::axes_of({3, 4});
  const std::vector<std::uint32_t> entry{2, 3};
  const Fr off = Fr::from_i64(-4);
  const Selection row{{0}, {1}};
  const auto fault = [&](const Query& query) { return internal::fault_of(query, axes); };
  EXPECT_EQ(fault(Query{entry, {}, {}}), "");
  EXPECT_EQ(fault(Query{entry, {off, off}, {}}), "a point on the grid and another query at once");
  EXPECT_EQ(fault(Query{entry, {}, row}), "a point on the grid and another query at once");
  EXPECT_EQ(fault(Query{{}, {}, row}), "");
  EXPECT_EQ(fault(Query{{}, {off, off}, row}), "parts and a point at once");
  EXPECT_EQ(fault(Query{{}, {off, off}, {}}), "");
  EXPECT_EQ(fault(Query{{}, {off}, {}}), "1 coordinates for 2 axes");
  EXPECT_EQ(fault(Query{{}, {}, {{0, 1}, {5, 7}}}), "");
  EXPECT_EQ(fault(Query{{}, {}, {{0, 1}, {5}}}), "a set of one entry must be written as one");
}

TEST(Query, Speaks) {
  EXPECT_EQ(Query::on_grid({0, 5, 2}).to_string(), "0,5,2");
  EXPECT_EQ((Query{{}, {Fr::from_i64(-4), Fr::from_u64(1)}, {}}).to_string(), "-4,1");
}

TEST(Proofs, RoundTrip) {
  const Sample sample = test::flat_sample();
  const Proofs proofs = both_kinds(sample);
  const Bytes bytes = proofs.encode();
  EXPECT_EQ(bytes.size(), 52 + Proofs::proof_size(2) + Proofs::proof_size(2) + 2 * 28);
  const Proofs decoded = Proofs::decode(bytes, "test").value();
  EXPECT_EQ(decoded.commitment_digest, proofs.commitment_digest);
  EXPECT_EQ(decoded.axis_count, 2U);
  ASSERT_EQ(decoded.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) EXPECT_EQ(decoded[k], proofs[k]);
  EXPECT_TRUE(decoded.query(0).is_on_grid());
  EXPECT_EQ(decoded.query(1).field, (std::vector<Fr>{Fr::from_i64(-4), Fr::from_u64(1)}));
  EXPECT_EQ(decoded.query_bytes(0).size(), 9U);
  EXPECT_EQ(decoded.query_bytes(1).size(), 65U);
  EXPECT_EQ(decoded.evidence(1).size(), 64U);
  EXPECT_EQ(decoded.encode(), bytes);
  EXPECT_TRUE(test::verdict_of(sample.commitment, decoded, sample.checker).ok());
}

TEST(Proofs, HaveTheBytesOfTheDocument) {
  Digest digest{};
  digest.fill(0x22);
  Proofs proofs(digest, 1);
  proofs.add(Query::on_grid({3}), test::answer_of({Fr::from_u64(258), {G1Affine::infinity()}}));
  EXPECT_EQ(to_hex(proofs.encode()),
            "4153534159505246"
            "02000000"
            "2222222222222222222222222222222222222222222222222222222222222222"
            "01000000"
            "01000000"
            "00"
            "03000000"
            "0201000000000000000000000000000000000000000000000000000000000000"
            "20000000"
            "0000000000000000000000000000000000000000000000000000000000000040");
}

TEST(Proofs, NoneIsAFileToo) {
  const Proofs none({}, 3);
  EXPECT_TRUE(Proofs::decode(none.encode(), "test").value().empty());
}

TEST(Proofs, RefuseWhatIsNotCanonical) {
  const Bytes good = both_kinds(test::flat_sample()).encode();
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    const Result<Proofs> decoded = Proofs::decode(bytes, "test");
    EXPECT_FALSE(decoded.ok()) << at;
    return decoded.ok() ? ErrorCode::kIo : decoded.error().code;
  };
  EXPECT_EQ(code_with(7, 'X'), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(8, 1), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(8, 3), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(44, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(44, 33), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(48, 3), ErrorCode::kMalformed);  // there is none to read
  EXPECT_EQ(code_with(51, 255), ErrorCode::kTooLarge);
  EXPECT_EQ(code_with(48, 1), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(52, 4), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(52, 2), ErrorCode::kOutOfRange);  // slices that fix no axis
  EXPECT_EQ(code_with(52, 5), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(55, 16), ErrorCode::kOutOfRange);  // coordinate 2^20 + 2
  EXPECT_EQ(code_with(61 + 31, 0xff), ErrorCode::kNonCanonical);
  const std::size_t second = 52 + Proofs::proof_size(2);
  EXPECT_EQ(code_with(second + 1 + 31, 0xff), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_with(93, 63),
            ErrorCode::kOutOfRange);  // bytes of evidence, which then begin a proof too early
  EXPECT_EQ(code_with(95, 1), ErrorCode::kTooLarge);
  Bytes older = good;
  older[8] = 1;
  EXPECT_THAT(Proofs::decode(older, "test").error().reason,
              ::testing::HasSubstr("written by a version before the first release"));
}

// What the evidence is worth is for a verifier to say, who knows the scheme.
TEST(Proofs, TakeAnyEvidence) {
  Bytes bytes = test::flat_sample().proofs.encode();
  bytes.back() = 0x3f;
  EXPECT_EQ(Proofs::decode(bytes, "file").value().encode(), bytes);
}

TEST(Proofs, GoThroughAFile) {
  const test::TemporaryDirectory directory;
  const Proofs proofs = test::flat_sample().proofs;
  ASSERT_TRUE(proofs.write(directory.file("p")).ok());
  EXPECT_EQ(Proofs::read(directory.file("p")).value().encode(), proofs.encode());
  EXPECT_EQ(Proofs::read(directory.file("none")).error().code, ErrorCode::kIo);
}

// A hole in a file costs nothing to make.
TEST(Proofs, AreNotReadBeyondWhatAFileMayHold) {
  const test::TemporaryDirectory directory;
  const Bytes bytes = test::flat_sample().proofs.encode();  // two of two axes
  const auto refused = [&](const Bytes& start, std::uint64_t size) {
    EXPECT_TRUE(write_file(directory.file("p"), start).ok());
    std::filesystem::resize_file(directory.file("p"), size);
    const Error error = Proofs::read(directory.file("p")).error();
    EXPECT_THAT(error.place, ::testing::HasSubstr(directory.file("p").string()));
    return std::pair(error.code, error.reason);
  };
  constexpr std::uint64_t kOver = std::uint64_t{1} << 32;
  EXPECT_EQ(refused(bytes, kOver),
            std::pair(ErrorCode::kTooLarge, std::string("4294967296 bytes, at most 4294967295 are read")));
  // Of no proofs nothing follows.
  Bytes none(bytes.begin(), bytes.begin() + 52);
  none[48] = 0;
  EXPECT_EQ(refused(none, 53), std::pair(ErrorCode::kTooLarge, std::string("53 bytes, at most 52 are read")));
  EXPECT_EQ(refused(bytes, bytes.size() + 1).first, ErrorCode::kMalformed);
  // Zeros behind the magic and version: no axes.
  EXPECT_EQ(refused(Bytes(bytes.begin(), bytes.begin() + 12), kOver).first, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused(Bytes(bytes.begin(), bytes.begin() + 51), 51).first, ErrorCode::kMalformed);
}

TEST(Prove, RefusesWhatDoesNotBelongTogether) {
  const Sample sample = test::flat_sample();
  const auto code_of = [&](const pst::Srs& srs, const IntegerView& values, const std::vector<Query>& points) {
    const Result<Proofs> proofs = prove(srs, sample.commitment, values, points);
    EXPECT_FALSE(proofs.ok());
    return proofs.ok() ? ErrorCode::kIo : proofs.error().code;
  };
  const IntegerView values = sample.values.view();
  const Query point = Query::on_grid({0, 0});
  const pst::Srs other = pst::Srs::dev(sample.srs.axes(), 8).value();
  EXPECT_EQ(code_of(other, values, {point}), ErrorCode::kMismatch);
  Commitment elsewhere = sample.commitment;  // of other axes, under the digest of this SRS
  elsewhere.header.layout = test::cube_sample().commitment.header.layout;
  EXPECT_EQ(prove(sample.srs, elsewhere, values, std::vector{point}).error().place, "SRS");
  EXPECT_EQ(code_of(sample.srs, values.subview(0, 11), {point}), ErrorCode::kMismatch);
  EXPECT_EQ(code_of(sample.srs, values, {}), ErrorCode::kOutOfRange);
  const auto place_of_many = [&](std::size_t count) {
    const std::vector<Query> points(count, point);
    return prove(sample.srs, sample.commitment, values, points).error().place;
  };
  EXPECT_EQ(place_of_many(Proofs::kMaxCount + 1), "points");
  EXPECT_EQ(place_of_many(Proofs::kMaxCount), "point 1") << "it is asked for twice";
  EXPECT_EQ(code_of(sample.srs, values, {Query::on_grid({3, 0})}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(sample.srs, values, {Query::on_grid({0})}), ErrorCode::kOutOfRange);
  const std::vector<Query> short_of_one{point, {{}, {Fr::one()}, {}}};
  EXPECT_EQ(code_of(sample.srs, values, short_of_one), ErrorCode::kMismatch);
  EXPECT_EQ(prove(sample.srs, sample.commitment, values, short_of_one).error().to_string(),
            "point 1: point: 1 coordinates for 2 axes");
  EXPECT_EQ(code_of(sample.srs, values, {point, point}), ErrorCode::kOutOfRange);
  // The same point in its other form.
  EXPECT_EQ(code_of(sample.srs, values, {point, {{}, {Fr::zero(), Fr::zero()}, {}}}), ErrorCode::kOutOfRange);
}

TEST(Prove, TakesTheFirstAxisFromWhatIsKept) {
  const Sample sample = test::cube_sample();
  const IntegerView values = sample.values.view();
  pst::KeptQuotients kept = keep_first_axis(sample.srs, sample.commitment, values).value();
  EXPECT_EQ(kept.size(), 2U);
  const std::vector<Query> points{Query::on_grid({1, 0, 1, 1}), Query::on_grid({0, 0, 1, 1})};
  EXPECT_EQ(prove(sample.srs, sample.commitment, values, points, &kept).value().encode(),
            prove(sample.srs, sample.commitment, values, points).value().encode());
  EXPECT_EQ(kept.size(), 2U + 2 * 3);
}

TEST(Prove, KeepsNothingOfWhatDoesNotBelongTogether) {
  const Sample sample = test::flat_sample();
  const IntegerView values = sample.values.view();
  const auto code_of = [&](const pst::Srs& srs, const IntegerView& of) {
    return keep_first_axis(srs, sample.commitment, of).error().code;
  };
  EXPECT_EQ(code_of(pst::Srs::dev(sample.srs.axes(), 8).value(), values), ErrorCode::kMismatch);
  EXPECT_EQ(code_of(pst::Srs::dev(test::axes_of({4, 3}), 7).value(), values), ErrorCode::kMismatch);
  EXPECT_EQ(code_of(sample.srs, values.subview(0, 11)), ErrorCode::kMismatch);
}

TEST(ProveChecked, KeepsOnlyWhatVerifies) {
  const Sample sample = test::cube_sample();
  const IntegerView values = sample.values.view();
  const std::vector<Query> queries{Query::on_grid({1, 0, 1, 1}), Query::on_grid({0, 0, 1, 1})};
  pst::KeptQuotients kept(sample.srs.axes());
  const CheckedProofs made = prove_checked(sample.srs, sample.commitment, values, queries, &kept).value();
  EXPECT_EQ(made.proofs.encode(), prove(sample.srs, sample.commitment, values, queries).value().encode());
  EXPECT_TRUE(made.found.verdict.ok());
  EXPECT_EQ(kept.size(), 8U);

  // Another tensor's proofs do not verify: nothing of them is kept.
  std::vector<std::int64_t> others(16, 3);
  others[2] = 4;
  pst::KeptQuotients clean(sample.srs.axes());
  const Result<CheckedProofs> refused = prove_checked(sample.srs, sample.commitment, others, queries, &clean);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(refused.error().reason, ::testing::HasSubstr("at point 1,0,1,1 does not verify"));
  EXPECT_EQ(clean.size(), 0U);

  // What was kept of another tensor spoils proofs of this one, and is found out.
  pst::KeptQuotients spoilt(sample.srs.axes());
  ASSERT_TRUE(prove(sample.srs, sample.commitment, others, queries, &spoilt).ok());
  const Result<CheckedProofs> spoiled =
      prove_checked(sample.srs, sample.commitment, values, queries, &spoilt);
  ASSERT_FALSE(spoiled.ok());
  EXPECT_THAT(spoiled.error().reason, ::testing::HasSubstr("kept quotients were changed"));

  // What fails before anything is opened says nothing of what was kept.
  const Result<CheckedProofs> elsewhere =
      prove_checked(pst::Srs::dev(sample.srs.axes(), 8).value(), sample.commitment, values, queries, &kept);
  ASSERT_FALSE(elsewhere.ok());
  EXPECT_EQ(elsewhere.error().place, "SRS");
  EXPECT_THAT(elsewhere.error().reason, ::testing::Not(::testing::HasSubstr("kept quotients")));
  EXPECT_EQ(kept.size(), 8U);
}

TEST(ProveChecked, TellsValuesThatAreNotTheCapturedOnes) {
  const Sample sample = test::flat_sample();
  const std::vector<std::int64_t> others(12, 5);
  const Captured captured{tensor::IntegerArray::borrow(others, nullptr), {}};
  const CheckedProofs made =
      prove_checked(sample.srs, sample.commitment, sample.values.view(), sample.asked, nullptr, &captured)
          .value();
  EXPECT_EQ(made.found.verdict.step(), "captured values");
  EXPECT_EQ(made.found.matches, (std::vector<std::optional<bool>>{true, false}));
}

TEST(Prove, WritesAPointOfTheGridAsOne) {
  const Sample sample = test::flat_sample();
  const std::vector<Query> points{{{}, {Fr::from_u64(1), Fr::from_u64(3)}, {}}};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  EXPECT_EQ(proofs.query(0), Query::on_grid({1, 3}));
  EXPECT_EQ(proofs.value(0), Fr::from_u64(5 + 37 * 7));
}

TEST(Commit, FillsInTheSrsAndRefusesWhatDoesNotFit) {
  const Sample sample = test::flat_sample();
  EXPECT_EQ(sample.commitment.header.setup_digest, sample.srs.verifier_key().digest());
  Header header = sample.commitment.header;
  const IntegerView values = sample.values.view();
  EXPECT_EQ(commit(pst::Srs::dev(test::axes_of({4, 3}), 7).value(), header, values).error().code,
            ErrorCode::kMismatch);
  EXPECT_EQ(commit(sample.srs, header, values.subview(0, 11)).error().code, ErrorCode::kMismatch);
  header.dtype = tensor::Dtype::kI8;  // 5 + 37 * 4 = 153 does not fit
  const Result<Commitment> outside = commit(sample.srs, header, values);
  ASSERT_FALSE(outside.ok());
  EXPECT_EQ(outside.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(outside.error().place, "value at array[1, 0]");
  std::vector<Scalar> scalars;
  for (std::size_t i = 0; i < values.size(); ++i) scalars.push_back(values[i]);
  EXPECT_EQ(commit(sample.srs, header, scalars).error().place, "value at array[1, 0]");
  header.dtype = tensor::Dtype::kI16;
  EXPECT_EQ(commit(sample.srs, header, scalars).value().value, sample.commitment.value);
  header.dtype = tensor::Dtype::kF32;
  EXPECT_EQ(commit(sample.srs, header, values).error().code, ErrorCode::kUnsupported);
}

// The figure of the design, from an independent program.
TEST(Commit, GivesTheKnownPoint) {
  const std::vector<encode::LayerShape> shapes{{"array", {2, 2}, ""}};
  const pst::Srs srs = pst::Srs::dev(test::axes_of({2, 2}), 7).value();
  const std::vector<Scalar> values{Scalar::from_i64(5), Scalar::from_i64(-3), Scalar{{0, 0, 0, 256}},
                                   Scalar::from_i64(7)};
  const Commitment commitment =
      commit(srs, {encode::plan_flat(shapes).value(), {}, {}, {}, {}}, values).value();
  EXPECT_EQ(to_hex(commitment.value), "5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97");
}

}  // namespace
}  // namespace assay::claim
