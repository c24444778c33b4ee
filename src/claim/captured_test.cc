// The verifier's own values: read one by one as they would be laid out, and not before they are asked for.
#include <cstring>
#include <limits>

#include "assay/claim_schemes.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

template <class T>
tensor::TensorView view_of(std::string name, tensor::Dtype dtype, tensor::Shape shape,
                           const std::vector<T>& values) {
  auto bytes = std::make_shared<Bytes>(values.size() * sizeof(T));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return {std::move(name), dtype, std::move(shape), *bytes, bytes};
}

/// Two layers of floats, and a few options.
Arrays float_layers(float last = 0.5F) {
  std::vector<float> first;
  for (int i = 0; i < 34; ++i) first.push_back(0.25F * static_cast<float>(i) - 3);
  std::vector<float> second = first;
  second.back() = last;
  return {{view_of("layer_0", tensor::Dtype::kF32, {1, 2, 17}, first),
           view_of("layer_1", tensor::Dtype::kF32, {1, 2, 17}, second)},
          {},
          true};
}

Header header_for(const Arrays& arrays, encode::Layout::Kind kind, const encode::Encoding& encoding) {
  SubjectOptions options;
  options.layout = kind;
  options.encoding = encoding;
  options.cube = {2, 5, std::nullopt, 9};
  return plan_subject(arrays, options, "test").value();
}

TEST(Captured, SingleValuesAreThoseOfTheLaidOutTensor) {
  using Layout = encode::Layout;
  using Kind = encode::Encoding::Kind;
  const Arrays arrays = float_layers();
  for (const auto kind : {Layout::Kind::kFlat, Layout::Kind::kCube, Layout::Kind::kModel}) {
    for (const encode::Encoding& encoding : {encode::Encoding{Kind::kBits, 0}, {Kind::kDecimal, 2}}) {
      const Header header = header_for(arrays, kind, encoding);
      const Captured own = captured_like(header, arrays, {}, "own").value();
      ASSERT_EQ(own.fault, "");
      EXPECT_EQ(own.values.size(), 0U);  // nothing is laid out
      const tensor::IntegerArray whole = own.laid_out(header.layout).value();
      std::vector<std::uint64_t> indices;
      for (std::uint64_t i = 0; i < whole.size(); ++i) indices.push_back(whole.size() - 1 - i);
      indices.push_back(whole.size() - 1);
      const std::vector<std::optional<Scalar>> single = own.at(header.layout, indices);
      ASSERT_EQ(single.size(), indices.size());
      for (std::size_t k = 0; k < indices.size(); ++k)
        EXPECT_EQ(single[k], whole.view()[indices[k]]) << to_string(kind) << " " << indices[k];
    }
  }
}

TEST(Captured, FloatsAreReadByTheEncodingOfAHeaderWithoutADtype) {
  const Arrays arrays = float_layers();
  Header header = header_for(arrays, encode::Layout::Kind::kFlat, {encode::Encoding::Kind::kBits, 0});
  header.dtype.reset();
  EXPECT_EQ(captured_like(header, arrays, {}, "own").value().fault, "");
}

// A header without a dtype has none that the array's could differ from, but it has an encoding.
TEST(Captured, FloatsMustSuitTheEncodingOfAHeaderWithoutADtype) {
  Header header = test::flat_sample().commitment.header;
  const Arrays floats{
      {view_of("array", tensor::Dtype::kF32, {3, 4}, std::vector<float>(12, 0.5F))}, {}, true};
  EXPECT_EQ(captured_like(header, floats, {}, "own").value().fault,
            "it is torch.float32, which the commitment's encoding int does not take");
  header.encoding = encode::Encoding{encode::Encoding::Kind::kBits, 0};
  EXPECT_EQ(captured_like(header, floats, {}, "own").value().fault, "");
  const Arrays doubles{
      {view_of("array", tensor::Dtype::kF64, {3, 4}, std::vector<double>(12, 0.5))}, {}, true};
  EXPECT_EQ(captured_like(header, doubles, {}, "own").value().fault,
            "it is torch.float64, which the commitment's encoding bits does not take");
}

TEST(Captured, PythonIntegersAreOfTheEncodingIntAlone) {
  const Header header = test::model_sample().commitment.header;
  const Arrays integers{
      {},
      {test::layer_of("layer_0", {1, 2, 17}, 16256), test::layer_of("layer_1", {1, 2, 17}, -17000)},
      true};
  EXPECT_EQ(captured_like(header, integers, {}, "own").value().fault,
            "it has Python integers, the commitment's encoding is bits");
}

TEST(Captured, IntegersInLayersAreComparedToo) {
  const Sample sample = test::flat_sample();
  const Arrays arrays{{}, {test::layer_of("array", {3, 4}, 5)}, true};
  const Captured own = captured_like(sample.commitment.header, arrays, {}, "own").value();
  VerifyOptions options;
  options.captured = &own;
  const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
  EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
}

TEST(Captured, IntegersOfAnySizeToo) {
  const std::vector<Scalar> values{Scalar::from_u64(7), Scalar{{1, 2, 3, 4}}, Scalar{}};
  const tensor::IntegerTensor layer{"a", {3}, tensor::IntegerArray::borrow(IntegerView(values), nullptr), ""};
  const Arrays arrays{{}, {layer}, true};
  const Header header = header_for(arrays, encode::Layout::Kind::kCube, {});
  const Captured own = captured_like(header, arrays, {}, "own").value();
  const tensor::IntegerArray whole = own.laid_out(header.layout).value();
  for (std::uint64_t i = 0; i < whole.size(); ++i)
    EXPECT_EQ(own.at(header.layout, std::span(&i, 1))[0], whole.view()[i]);
}

// A header of 150 bytes names a layout of 2^32 places; until its setup is found to be the verifier's, that is
// the sender's word.
TEST(Captured, IsNotLaidOutForAHeaderThatIsNotYetTrusted) {
  Sample sample = test::flat_sample();
  encode::Layout& layout = sample.commitment.header.layout;
  layout.kind = encode::Layout::Kind::kCube;
  layout.axes = test::axes_of({65536, 65536});
  sample.proofs.commitment_digest = sample.commitment.digest();
  std::vector<std::int64_t> values(12, 1);
  const Arrays arrays{{view_of("array", tensor::Dtype::kI64, {3, 4}, values)}, {}, true};
  const Captured own = captured_like(sample.commitment.header, arrays, {}, "own").value();
  EXPECT_EQ(own.fault, "");
  VerifyOptions options;
  options.captured = &own;
  EXPECT_EQ(test::verdict_of(sample.commitment, sample.proofs, sample.checker, options).step(), "axes");
}

// Integers in the shape of the axes are the committed ones, whatever the layers are, where nothing is beside.
TEST(Captured, OneArrayAloneIsTheWholeTensor) {
  const Header header = test::cube_sample().commitment.header;
  const tensor::IntegerTensor whole = test::layer_of("whole", {2, 2, 2, 2}, 5);
  const Captured alone = captured_like(header, Arrays{{}, {whole}, false}, {}, "own").value();
  EXPECT_EQ(alone.fault, "");
  EXPECT_EQ(alone.values.size(), 16U);
  const Arrays two{{}, {whole, test::layer_of("rest", {5}, 11)}, false};
  EXPECT_EQ(captured_like(header, two, {}, "own").value().fault,
            "layer 0 is 'whole', in the commitment it is 'layer_0'");
  // As many values in another shape are another tensor.
  const Arrays reshaped{{}, {test::layer_of("whole", {4, 4}, 5)}, false};
  EXPECT_EQ(captured_like(header, reshaped, {}, "own").value().fault,
            "it has 1 layers, the commitment is to 2");
  // Integers of a dtype are integers too, whatever the dtype of the layers is.
  const Arrays words{
      {view_of("", tensor::Dtype::kI64, {2, 2, 2, 2}, std::vector<std::int64_t>(16, 5))}, {}, false};
  const Captured of_words = captured_like(header, words, {}, "own").value();
  EXPECT_EQ(of_words.fault, "");
  EXPECT_EQ(of_words.values.size(), 16U);
  // One layer alone need not have the shape of the axes.
  const std::vector<encode::LayerShape> line{{"array", {12}, ""}};
  const Header folded{encode::plan_flat(line, test::axes_of({3, 4})).value(), {}, {}};
  const Arrays grid{{}, {test::layer_of("", {3, 4}, 5)}, false};
  const Captured of_grid = captured_like(folded, grid, {}, "own").value();
  EXPECT_EQ(of_grid.fault, "");
  EXPECT_EQ(of_grid.values.size(), 12U);
}

TEST(Captured, AreOfOneElementType) {
  const std::string mixed_types =
      "'rest' is of Python integers and 'array' is torch.int64: all must be of one element type";
  const Arrays mixed{{view_of("array", tensor::Dtype::kI64, {3, 4}, std::vector<std::int64_t>(12, 5))},
                     {test::layer_of("rest", {5}, 11)},
                     true};
  EXPECT_EQ(captured_like(test::flat_sample().commitment.header, mixed, {}, "own").value().fault,
            mixed_types);
  const Result<Header> planned = plan_subject(mixed, {}, "own");
  ASSERT_FALSE(planned.ok());
  EXPECT_EQ(planned.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(planned.error().to_string(), "own: " + mixed_types);
}

// As the committed integers themselves it would be held to no dtype and no encoding.
TEST(Captured, AnArrayOfTheOneLayersShapeIsThatLayer) {
  Header header = test::flat_sample().commitment.header;
  header.dtype = tensor::Dtype::kI8;
  const Arrays arrays{
      {view_of("", tensor::Dtype::kI64, {3, 4}, std::vector<std::int64_t>(12, 5))}, {}, false};
  EXPECT_EQ(captured_like(header, arrays, {}, "own").value().fault,
            "it is torch.int64, the commitment is to torch.int8");
}

TEST(Captured, HoldsNumbersAlone) {
  const Arrays arrays = float_layers(std::numeric_limits<float>::infinity());
  const Header header = header_for(arrays, encode::Layout::Kind::kModel, {encode::Encoding::Kind::kBits, 0});
  const Result<Captured> own = captured_like(header, arrays, {}, "own");
  ASSERT_FALSE(own.ok());
  EXPECT_EQ(own.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(own.error().place, "own: layer_1: value 33");
}

/// Layers of small numbers, committed to and opened under a scale by which 1e30 has no integer, and beside
/// them layers that end with it.
struct TooLarge {
  Commitment commitment;
  TensorChecker checker;
  Proofs proofs;
  Captured own;

  explicit TooLarge(const Query& query, Subject subject = rounded())
      : TooLarge(query, subject, pst::Srs::dev(subject.header.layout.axes, 1).value()) {}

  [[nodiscard]] Verification compare() const {
    VerifyOptions options;
    options.captured = &own;
    options.expected.encoding = commitment.header.encoding;
    return verify(commitment, proofs, checker, options);
  }

 private:
  TooLarge(const Query& query, const Subject& subject, const pst::Srs& srs)
      : commitment(commit(srs, subject.header, subject.values.view()).value()),
        checker(srs.verifier_key()),
        proofs(prove(srs, commitment, subject.values.view(), {&query, 1}).value()),
        own(captured_like(commitment.header, float_layers(1e30F), {}, "own").value()) {}

  static Subject rounded() {
    SubjectOptions how;
    how.layout = encode::Layout::Kind::kFlat;
    how.encoding = encode::Encoding{encode::Encoding::Kind::kDecimal, 0};
    Subject subject = make_subject(float_layers(0), how, "zeros").value();
    subject.header.encoding.scale = 150;
    return subject;
  }
};

// The scale is the prover's choice: it must not turn a rejection into an error.
TEST(Captured, AValueThatTheScaleMakesTooLargeIsNoOpenedOne) {
  const Verification found = TooLarge(Query::on_grid({67})).compare();
  EXPECT_EQ(found.verdict.step(), "captured values");
  EXPECT_EQ(test::figure(found.verdict, "captured"), "a value without an integer in decimal:150");
  EXPECT_EQ(found.matches, std::vector<std::optional<bool>>{false});
}

// An entry needs no other value, and so one without an integer elsewhere is nothing to it.
TEST(Captured, AnEntryIsComparedWhereTheWholeCannotBeLaidOut) {
  const TooLarge made(Query::on_grid({12}));  // 12 quarters less 3
  EXPECT_FALSE(made.own.laid_out(made.commitment.header.layout).ok());
  const Verification found = made.compare();
  EXPECT_TRUE(found.verdict.ok()) << found.verdict.step() << ": " << found.verdict.reason();
  EXPECT_EQ(found.matches, std::vector<std::optional<bool>>{true});
}

// A point off the grid depends on every value, so one without an integer leaves nothing to hold it against.
TEST(Captured, WhatCannotBeLaidOutDecidesNothingOffTheGrid) {
  const Query off_grid = Query::anywhere({Fr::from_i64(-3)}, test::axes_of({68}));
  const Verdict verdict = TooLarge(off_grid).compare().verdict;
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "captured values");
}

// Each point off the grid reads the whole tensor: of a large one few are compared, and that is said.
TEST(Captured, FewPointsOffTheGridAreComparedAtOnce) {
  const pst::Srs srs = pst::Srs::dev(test::axes_of({512, 128}), 1).value();
  const std::uint64_t volume = srs.axes().volume();
  const std::uint64_t most = Verification::kMaxInterpolation / (volume + std::uint64_t{4} * (512 + 128));
  ASSERT_EQ(most, 123U);
  const std::vector<std::int8_t> ones(volume, 1);  // p = 1
  const encode::LayerShape layer{"array", {512, 128}, ""};
  const Header header{encode::plan_flat(std::span(&layer, 1)).value(), {}, {}};
  const Commitment commitment = commit(srs, header, IntegerView(ones)).value();
  const auto verdict_on = [&](std::uint64_t count, const std::vector<std::int8_t>& values) {
    Proofs proofs(commitment.digest(), 2);
    for (std::uint64_t i = 0; i < count; ++i)
      proofs.add(Query::anywhere({Fr::from_u64(512 + i), Fr::from_u64(999)}, srs.axes()),
                 test::answer_of({Fr::one(), {G1Affine::infinity(), G1Affine::infinity()}}));
    const Captured own{tensor::IntegerArray::borrow(IntegerView(values), nullptr), {}};
    VerifyOptions options;
    options.captured = &own;
    return verify(commitment, proofs, TensorChecker(srs.verifier_key()), options);
  };
  EXPECT_TRUE(verdict_on(2, ones).verdict.ok());
  const Verification many = verdict_on(most + 1, ones);
  EXPECT_EQ(many.verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(many.verdict.step(), "captured values");
  EXPECT_EQ(many.verdict.item(), most);
  EXPECT_EQ(many.matches[most - 1], true);
  EXPECT_EQ(many.matches[most], std::nullopt);
  EXPECT_EQ(test::figure(many.verdict, "compared"), std::to_string(most));
  std::vector<std::int8_t> others = ones;
  others[5] = 2;
  EXPECT_EQ(verdict_on(most + 1, others).verdict.item(), 0U);
}

// The values of a part are looked up 2^18 at a time.
TEST(Captured, ALargePartIsComparedToItsEnd) {
  constexpr std::uint64_t kWidth = (std::uint64_t{1} << 17) + 100, kTogether = std::uint64_t{1} << 18;
  const encode::LayerShape layer{"array", {2, 3, kWidth}, ""};
  std::vector<std::int8_t> values(6 * kWidth);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int8_t>(i % 101);
  const MerkleCommitter committer;
  const Header header{encode::plan_flat(std::span(&layer, 1)).value(), {}, {}};
  const Commitment commitment = commit(committer, header, IntegerView(values)).value();
  const Query slice = Query::of_parts({{0}, {1}}, commitment.header.layout.axes);
  const Proofs proofs = prove(committer, commitment, IntegerView(values), {&slice, 1}).value();
  const auto compared = [&](const std::vector<std::int8_t>& own) {
    const Captured captured{tensor::IntegerArray::borrow(IntegerView(own), nullptr), {}};
    VerifyOptions options;
    options.captured = &captured;
    return verify(commitment, proofs, MerkleChecker(), options);
  };
  EXPECT_TRUE(compared(values).verdict.ok());
  for (const std::uint64_t at : {kTogether - 1, kTogether, 3 * kWidth - 1}) {
    std::vector<std::int8_t> own = values;
    own[3 * kWidth + at] = -1;
    const Verification found = compared(own);
    EXPECT_EQ(found.verdict.outcome(), Outcome::kRejected) << at;
    EXPECT_EQ(found.verdict.step(), "captured values");
    EXPECT_EQ(test::figure(found.verdict, "place"),
              "array[1, " + std::to_string(at / kWidth) + ", " + std::to_string(at % kWidth) + "]");
    EXPECT_EQ(test::figure(found.verdict, "opened"), std::to_string(values[3 * kWidth + at]));
    EXPECT_EQ(test::figure(found.verdict, "captured"), "-1");
    EXPECT_EQ(found.matches, std::vector<std::optional<bool>>{false});
  }
}

}  // namespace
}  // namespace assay::claim
