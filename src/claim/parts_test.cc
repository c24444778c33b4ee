// Slices and sets of entries through files: what they hold, what a prover would try, and how they are drawn.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include "base/file.h"
#include "claim/part_runs.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

Selection every(const Axes& axes, unsigned mask) {
  Selection parts;
  std::uint32_t count = 1;
  for (std::uint32_t axis = 0; axis < axes.count(); ++axis)
    if ((mask >> axis & 1) != 0) {
      parts.fixed.push_back(axis);
      count *= axes[axis];
    }
  for (std::uint32_t k = 0; k < count; ++k) parts.positions.push_back(k);
  return parts;
}

Proofs proofs_of(const Sample& sample, const std::vector<Query>& queries) {
  return prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
}

Verdict judge_parts(const Sample& sample, const Proofs& proofs, const VerifyOptions& options = {}) {
  const Proofs read = Proofs::decode(proofs.encode(), "proofs").value();
  return test::verdict_of(sample.commitment, read, TensorChecker(sample.srs), options);
}

TEST(Parts, EverySubsetOfAxesOfEveryLayout) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Sample sample = make();
    SCOPED_TRACE(sample.name);
    const encode::Layout& layout = sample.commitment.header.layout;
    for (unsigned mask = 1; mask < 1U << layout.axes.count(); ++mask) {
      SCOPED_TRACE(mask);
      const Query query = Query::of_parts(every(layout.axes, mask), layout.axes);
      const Proofs proofs = proofs_of(sample, {query});
      EXPECT_EQ(proofs.query(0), query);
      EXPECT_EQ(Proofs::decode(proofs.encode(), "proofs")->encode(), proofs.encode());
      const Verdict verdict = judge_parts(sample, proofs);
      EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
      // Together the parts are the tensor: each value stands where its run says, and is that of the entry.
      const tensor::IntegerArray opened = proofs.values(0);
      std::vector<bool> seen(layout.axes.volume());
      std::size_t next = 0;
      for (const internal::PartRun& run : internal::runs_of(layout, query.parts))
        for (std::uint64_t i = 0; i < run.count; ++i) {
          EXPECT_FALSE(seen[run.index + i]);
          seen[run.index + i] = true;
          EXPECT_EQ(opened.view()[next++], sample.values.view()[run.index + i]);
        }
      EXPECT_EQ(next, opened.size());
      const bool travels_whole =
          layout.kind != encode::Layout::Kind::kModel || query.parts.fixed.size() == layout.axes.count();
      for (std::uint64_t i = 0; i < seen.size(); ++i)
        EXPECT_EQ(seen[i], travels_whole || layout.locate(i).value().has_value()) << i;
    }
  }
}

TEST(Parts, TakeTheBytesOfTheDocument) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  // Preamble 52, tag, fixed axes, count, position, width, count, 34 values of 2 bytes, length, one point.
  EXPECT_EQ(proofs_of(sample, {Query::of_parts({{0}, {1}}, axes)}).encode().size(),
            52u + 1 + 4 + 4 + 4 + 1 + 8 + 34 * 2 + 4 + 32);
  // Two entries that share all but the last axis: tag, count, positions, values, five points.
  EXPECT_EQ(proofs_of(sample, {Query::of_parts({{0, 1, 2, 3}, {0, 1}}, axes)}).encode().size(),
            52u + 1 + 4 + 8 + 1 + 8 + 2 * 2 + 4 + 5 * 32);
}

TEST(Parts, InWordsOfTheModel) {
  const Sample sample = test::model_sample();
  const encode::Layout& layout = sample.commitment.header.layout;
  const auto query = [&](std::optional<std::string> layer,
                         std::optional<std::pair<std::uint64_t, std::uint64_t>> tokens,
                         std::optional<std::uint64_t> dim) {
    return query_of_slice(layout, {std::move(layer), tokens, dim});
  };
  EXPECT_EQ(query("layer_1", {}, {})->parts, (Selection{{0}, {1}}));
  EXPECT_EQ(query("1", {}, {})->parts, (Selection{{0}, {1}}));
  EXPECT_EQ(query({}, {{0, 1}}, {})->parts, (Selection{{1}, {0, 1}}));
  EXPECT_EQ(query("layer_1", {{0, 1}}, {})->parts, (Selection{{0, 1}, {2, 3}}));
  EXPECT_EQ(query({}, {}, 5)->parts, (Selection{{2, 3}, {5}}));
  EXPECT_EQ(query("0", {}, 5)->parts, (Selection{{0, 2, 3}, {5}}));
  EXPECT_EQ(query("0", {{1, 1}}, 5)->grid, (std::vector<std::uint32_t>{0, 1, 1, 2}));
  EXPECT_EQ(query("0", {{0, 1}}, 5)->parts, (Selection{{0, 1, 2, 3}, {5, 23}}));
  for (const Result<Query>& bad : {query("layer_2", {}, {}), query("2", {}, {}), query({}, {{1, 0}}, {}),
                                   query({}, {{0, 2}}, {}), query({}, {}, 17), query({}, {}, {})})
    EXPECT_EQ(bad.error().code, ErrorCode::kOutOfRange);
  // A number is one as a whole.
  EXPECT_EQ(query("1x", {}, {}).error().to_string(), "layer: no layer is called '1x'");
  EXPECT_EQ(query("2", {}, {}).error().to_string(), "layer: no layer is called '2', and there are 2");
  EXPECT_EQ(query_of_slice(test::flat_sample().commitment.header.layout, {"array", {}, {}}).error().code,
            ErrorCode::kUnsupported);
  const auto shape = [&](const Query& asked) {
    return shape_of_parts(layout, asked.parts, proofs_of(sample, {asked}).value_count(0));
  };
  EXPECT_EQ(shape(*query("0", {}, {})), (tensor::Shape{2, 17}));
  EXPECT_EQ(shape(*query({}, {{0, 1}}, {})), (tensor::Shape{2, 2, 17}));
  EXPECT_EQ(shape(*query({}, {{1, 1}}, 3)), (tensor::Shape{2}));
  EXPECT_EQ(shape(*query({}, {}, 3)), (tensor::Shape{2, 2}));
}

TEST(Parts, ValuesAreWrittenInTheDtypeOfTheTensor) {
  const Sample sample = test::model_sample();
  const encode::Layout& layout = sample.commitment.header.layout;
  const Query slice = query_of_slice(layout, {"layer_1", {}, {}}).value();
  const Query entry = Query::on_grid(layout.axes.coordinates_of(2));
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.file("values.safetensors");
  ASSERT_TRUE(write_values(path, sample.commitment, proofs_of(sample, {slice, entry})).ok());
  const tensor::TensorFile file = tensor::open(path).value();
  ASSERT_NE(file.find("proof_0"), nullptr);
  ASSERT_NE(file.find("proof_1"), nullptr);
  EXPECT_EQ(file.find("proof_0")->dtype, tensor::Dtype::kBF16);
  EXPECT_EQ(file.find("proof_0")->shape, (tensor::Shape{2, 17}));
  EXPECT_EQ(file.find("proof_1")->dtype, tensor::Dtype::kBF16);
}

// Decimals of bf16 are no bf16, nor are values off the grid: integers, or where these are wide their bytes.
TEST(Parts, ValuesWithoutADtypeAreWrittenAsIntegers) {
  const Sample bits = test::model_sample();
  const std::vector<tensor::IntegerTensor> layers{test::layer_of("layer_0", {1, 2, 17}, 100),
                                                  test::layer_of("layer_1", {1, 2, 17}, -200)};
  const Sample decimal =
      test::make_sample("decimal", bits.commitment.header.layout, {encode::Encoding::Kind::kDecimal, 3},
                        tensor::Dtype::kBF16, layers, {0});
  const Axes& axes = bits.srs.axes();
  const auto everywhere = [&](const Fr& coordinate) {
    return Query::anywhere(std::vector<Fr>(4, coordinate), axes);
  };
  const std::vector<Query> queries{Query::of_parts({{0}, {1}}, axes), Query::on_grid({0, 0, 0, 1}),
                                   everywhere(Fr::from_i64(-3)),
                                   everywhere(Fr::from_u64(std::uint64_t{1} << 40))};
  const test::TemporaryDirectory directory;
  const auto written = [&](const Sample& sample, const Proofs& proofs) {
    const std::filesystem::path path = directory.file(sample.name);
    EXPECT_TRUE(write_values(path, sample.commitment, proofs).ok());
    const tensor::TensorFile file = tensor::open(path).value();
    EXPECT_EQ(file.find("proof_2")->dtype, tensor::Dtype::kI64);
    EXPECT_EQ(file.find("proof_3")->dtype, tensor::Dtype::kU8);
    EXPECT_EQ(file.find("proof_3")->shape, tensor::Shape{32});
    EXPECT_TRUE(std::ranges::equal(file.find("proof_3")->bytes, proofs.value(3).to_scalar().to_bytes()));
    return file;
  };
  EXPECT_EQ(written(bits, proofs_of(bits, queries)).find("proof_1")->dtype, tensor::Dtype::kBF16);
  const tensor::TensorFile file = written(decimal, proofs_of(decimal, queries));
  EXPECT_EQ(file.find("proof_0")->dtype, tensor::Dtype::kI64);
  EXPECT_EQ(file.find("proof_0")->shape, (tensor::Shape{2, 17}));
  EXPECT_EQ(file.find("proof_1")->dtype, tensor::Dtype::kI64);
  EXPECT_TRUE(std::ranges::equal(file.find("proof_1")->bytes, Bytes{137, 0, 0, 0, 0, 0, 0, 0}));
}

// A width of up to 16 values is one axis, and to fix it is to fix the whole width.
TEST(Parts, AWidthOfOneAxisIsFixedAsAWhole) {
  const std::vector<encode::LayerShape> shapes{{"a", {3, 4}, ""}, {"b", {3, 4}, ""}};
  const encode::Layout layout = encode::plan_model(shapes).value();
  ASSERT_EQ(layout.axes.to_string(), "2,3,4");
  const Selection column = query_of_slice(layout, {{}, {}, 3}).value().parts;
  EXPECT_EQ(column, (Selection{{2}, {3}}));
  EXPECT_EQ(shape_of_parts(layout, column, 6), (tensor::Shape{2, 3}));
  EXPECT_EQ(shape_of_parts(layout, {{2}, {0, 3}}, 12), (tensor::Shape{2, 2, 3}));
  EXPECT_EQ(shape_of_parts(layout, {{1}, {2}}, 8), (tensor::Shape{2, 4}));
}

// A width of one value has no axis, and what fixes layer and token fixes all.
TEST(Parts, ASetOverAWidthOfOneValueIsARow) {
  const std::vector<encode::LayerShape> shapes{{"a", {3, 1}, ""}, {"b", {3, 1}, ""}};
  const encode::Layout layout = encode::plan_model(shapes).value();
  ASSERT_EQ(layout.axes.to_string(), "2,3");
  EXPECT_EQ(shape_of_parts(layout, {{0, 1}, {0, 4}}, 2), (tensor::Shape{2}));
  EXPECT_EQ(shape_of_parts(layout, {{0}, {1}}, 3), (tensor::Shape{3, 1}));
}

// What a small file asks for may be of any size: one value too many is enough to refuse it.
TEST(Parts, AreLookedUpNoFurtherThanAsked) {
  const auto found_in = [](const encode::Layout& layout, const Selection& parts, std::uint64_t most) {
    std::uint64_t values = 0;
    for (const internal::PartRun& run : internal::runs_of(layout, parts, most)) values += run.count;
    return values;
  };
  const encode::Layout layout = test::flat_sample().commitment.header.layout;
  const auto found = [&](const Selection& parts, std::uint64_t most) {
    return found_in(layout, parts, most);
  };
  const Selection column{{1}, {0}}, columns{{1}, {0, 1, 2, 3}};
  for (std::uint64_t most = 0; most < 3; ++most) EXPECT_EQ(found(column, most), most + 1);
  EXPECT_EQ(found(column, 3), 3u);
  for (std::uint64_t most = 0; most < 12; ++most) EXPECT_EQ(found(columns, most), most + 1);
  EXPECT_EQ(found(columns, 12), 12u);
  // In a model, row by row.
  const encode::Layout model = test::model_sample().commitment.header.layout;
  const Selection layer{{0}, {1}};
  EXPECT_EQ(found_in(model, layer, 0), 17u);
  EXPECT_EQ(found_in(model, layer, 16), 17u);
  EXPECT_EQ(found_in(model, layer, 17), 34u);
}

/// The one record, with its answer changed.
Proofs changed(const Proofs& proofs, const std::function<void(Proof&)>& change) {
  return test::edited(proofs, [&](std::vector<Proof>& list) { change(list[0]); });
}

Bytes with_value(const Proofs& proofs, std::size_t i, std::int64_t value, std::size_t count = 0) {
  const tensor::IntegerArray held = proofs.values(0);
  std::vector<std::int64_t> values;
  for (std::size_t k = 0; k < held.size(); ++k) {
    const Scalar& one = held.view()[k];
    const auto magnitude = static_cast<std::int64_t>(one.magnitude().words[0]);
    values.push_back(one.is_negative() ? -magnitude : magnitude);
  }
  if (count > 0) values.resize(count);
  values[i] = value;
  return pack_values(IntegerView(values));
}

TEST(Parts, WhatAProverWouldTry) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  for (const Query& query :
       {Query::of_parts({{0}, {1}}, axes), Query::of_parts({{1}, {0, 1}}, axes),
        Query::of_parts({{0, 2}, {3}}, axes), Query::of_parts({{0, 1, 2, 3}, {3, 4, 40}}, axes)}) {
    SCOPED_TRACE(query.to_string());
    const Proofs honest = proofs_of(sample, {query});
    ASSERT_TRUE(judge_parts(sample, honest).ok());
    const std::uint64_t count = honest.value_count(0);
    const auto step = [&](const std::function<void(Proof&)>& change) {
      const Verdict verdict = judge_parts(sample, changed(honest, change));
      EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
      EXPECT_EQ(verdict.item(), 0u);
      return verdict.step();
    };
    // A value of another sort, one more, one fewer.
    EXPECT_EQ(step([&](Proof& p) { p.answer.values = with_value(honest, 1, 5); }), "opening equation");
    EXPECT_EQ(step([&](Proof& p) { p.answer.values = with_value(honest, 1, 40000); }), "value range");
    EXPECT_EQ(step([&](Proof& p) { p.answer.values = with_value(honest, 1, 0x7f80); }), "value range");
    EXPECT_EQ(step([&](Proof& p) { p.answer.values = with_value(honest, 0, 1, count + 1); }), "proof shape");
    EXPECT_EQ(step([&](Proof& p) { p.answer.values = with_value(honest, 0, 1, count - 1); }), "proof shape");
    // Points that are missing, too many, swapped, none.
    EXPECT_EQ(step([](Proof& p) { p.answer.evidence.resize(p.answer.evidence.size() - 32); }), "proof shape");
    EXPECT_EQ(step([](Proof& p) { p.answer.evidence[31] |= 0xc0; }), "proof points");
    EXPECT_EQ(step([](Proof& p) {
                const auto infinity = curve::encode(G1Affine::infinity());
                for (std::size_t i = 0; i < p.answer.evidence.size(); i += 32)
                  std::ranges::copy(infinity, p.answer.evidence.begin() + static_cast<std::ptrdiff_t>(i));
              }),
              "opening equation");
    // A position outside the axes.
    EXPECT_EQ(step([](Proof& p) { p.query.parts.positions.back() = 1000; }), "proof shape");
  }
  // Another layer's values under this layer's place.
  const Proofs first = proofs_of(sample, {Query::of_parts({{0}, {0}}, axes)});
  EXPECT_EQ(judge_parts(sample, changed(first, [](Proof& p) { p.query.parts.positions = {1}; })).step(),
            "opening equation");
  // One slice twice.
  const Query layer = Query::of_parts({{0}, {1}}, axes);
  Proofs twice = proofs_of(sample, {layer});
  twice.add(layer, twice[0].answer);
  EXPECT_EQ(judge_parts(sample, twice).step(), "proof shape");
  EXPECT_EQ(prove(sample.srs, sample.commitment, sample.values.view(), std::vector<Query>{layer, layer})
                .error()
                .code,
            ErrorCode::kOutOfRange);
  // A set of one entry would be a second form of it.
  const Proofs two = proofs_of(sample, {Query::of_parts({{0, 1, 2, 3}, {3, 4}}, axes)});
  const Proofs one = changed(two, [](Proof& p) {
    p.query.parts.positions = {3};
    p.answer.evidence.resize(std::size_t{4} * 32);
  });
  EXPECT_FALSE(Proofs::decode(one.encode(), "proofs").ok());
}

// Padding does not travel: what a prover hides there makes the equation fail.
TEST(Parts, DataHiddenInThePaddingOfASlice) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  std::vector<Scalar> hiding;
  for (std::size_t i = 0; i < sample.values.size(); ++i) hiding.push_back(sample.values.view()[i]);
  hiding[axes.volume(2) - 1] = Scalar::from_i64(7);  // behind the width of layer 0, token 0
  Sample other = sample;
  other.commitment.value = curve::encode(pst::commit(sample.srs, hiding).value());
  other.values = tensor::IntegerArray::own(hiding);
  for (const Selection& parts :
       {Selection{{0}, {0}}, Selection{{1}, {0}}, Selection{{0, 1}, {0}}, Selection{{2}, {5}}}) {
    EXPECT_EQ(judge_parts(other, proofs_of(other, {Query::of_parts(parts, axes)})).step(),
              "opening equation");
  }
  EXPECT_EQ(judge_parts(other, proofs_of(other, {Query::of_parts({{0, 1, 2, 3}, {0, 17}}, axes)})).step(),
            "padding");
  // What lies elsewhere says nothing of the hidden value.
  EXPECT_TRUE(judge_parts(other, proofs_of(other, {Query::of_parts({{0}, {1}}, axes)})).ok());
}

TEST(Parts, NeedTheLevelOfTheSrs) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  const Proofs layer = proofs_of(sample, {Query::of_parts({{0}, {1}}, axes)});
  const Verdict without = test::verdict_of(sample.commitment, layer, sample.checker);
  EXPECT_EQ(without.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(without.step(), "levels");
  EXPECT_NE(without.reason().find("--from-level 1"), std::string::npos);
  // A set needs no level.
  EXPECT_TRUE(test::verdict_of(sample.commitment,
                               proofs_of(sample, {Query::of_parts({{0, 1, 2, 3}, {0, 5}}, axes)}),
                               sample.checker)
                  .ok());
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(sample.srs.write_levels(1, directory.file("trimmed")).ok());
  const TensorChecker trimmed = TensorChecker::read(directory.file("trimmed")).value();
  EXPECT_TRUE(test::verdict_of(sample.commitment, layer, trimmed).ok());
  const Verdict above =
      test::verdict_of(sample.commitment, proofs_of(sample, {Query::of_parts({{1}, {0}}, axes)}), trimmed);
  EXPECT_EQ(above.step(), "levels");
  // Points of a level that are not those of the key.
  Bytes file = read_file(directory.file("trimmed"), std::uint64_t{1} << 20).value();
  file[4096 + 64] ^= 1;
  ASSERT_TRUE(write_file(directory.file("changed"), file).ok());
  const TensorChecker wrong = TensorChecker::read(directory.file("changed")).value();
  EXPECT_EQ(test::verdict_of(sample.commitment, layer, wrong).step(), "level digests");
}

TEST(Parts, TooManySetsOfAxesAreNotSummed) {
  const std::vector<tensor::IntegerTensor> layers{test::layer_of("array", {2, 2, 2, 2, 2}, 5)};
  const Sample sample = test::make_sample("five", encode::plan_flat(encode::shapes_of(layers)).value(), {},
                                          std::nullopt, layers, {0});
  std::vector<Query> queries;
  for (unsigned mask = 1; mask < 31; ++mask) {
    Selection parts = every(sample.srs.axes(), mask);
    parts.positions = {0};
    if (parts.leading() < parts.fixed.size()) queries.push_back({{}, {}, parts});
  }
  ASSERT_GT(queries.size(), TensorChecker::kMaxBases);
  const Verdict verdict = judge_parts(sample, proofs_of(sample, queries));
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "levels");
  queries.resize(TensorChecker::kMaxBases);
  EXPECT_TRUE(judge_parts(sample, proofs_of(sample, queries)).ok());
  // The first axes have their basis in the SRS.
  queries.push_back({{}, {}, {{0}, {1}}});
  queries.push_back({{}, {}, {{0, 1}, {2}}});
  EXPECT_TRUE(judge_parts(sample, proofs_of(sample, queries)).ok());
}

// Each basis along axes that are not the first ones is summed up once, however many slices lie along them.
TEST(Parts, SlicesAlongOneSetOfAxesTakeOneBasis) {
  const std::vector<tensor::IntegerTensor> layers{test::layer_of("array", {2, 20}, 5)};
  const Sample sample = test::make_sample("columns", encode::plan_flat(encode::shapes_of(layers)).value(), {},
                                          std::nullopt, layers, {0});
  std::vector<Query> queries;
  for (std::uint32_t k = 0; k <= TensorChecker::kMaxBases; ++k)
    queries.push_back(Query::of_parts({{1}, {k}}, sample.srs.axes()));
  const Verdict verdict = judge_parts(sample, proofs_of(sample, queries));
  EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
}

TEST(Parts, ValuesCountOnce) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  // Layer 1 has 34 values, token 0 of both layers 34, 17 of them in common; the entry lies in both.
  const Proofs proofs = proofs_of(sample, {Query::of_parts({{0}, {1}}, axes),
                                           Query::of_parts({{1}, {0}}, axes), Query::on_grid({1, 0, 0, 0})});
  VerifyOptions options;
  options.at_least = 51;
  EXPECT_TRUE(judge_parts(sample, proofs, options).ok());
  options.at_least = 52;
  EXPECT_EQ(judge_parts(sample, proofs, options).step(), "points");
  EXPECT_EQ(test::figure(judge_parts(sample, proofs), "values"), "69");
  // As many values as proofs, one of them twice.
  const Proofs even =
      proofs_of(sample, {Query::on_grid({0, 0, 0, 0}), Query::of_parts({{0, 1, 2, 3}, {0, 1}}, axes),
                         Query::of_parts({{2, 3}, {17}}, axes)});
  ASSERT_EQ(even.value_count(2), 0u);
  options.at_least = 3;
  EXPECT_EQ(judge_parts(sample, even, options).step(), "points");
  options.at_least = 2;
  EXPECT_TRUE(judge_parts(sample, even, options).ok());
}

TEST(Parts, AreComparedWithWhatTheVerifierHas) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  const Captured same{sample.values, {}};
  VerifyOptions options;
  options.captured = &same;
  const Proofs proofs = proofs_of(sample, {Query::on_grid({0, 0, 0, 0}), Query::of_parts({{0}, {1}}, axes)});
  EXPECT_TRUE(judge_parts(sample, proofs, options).ok());
  const Proofs every_kind =
      proofs_of(sample, {Query::of_parts({{0}, {1}}, axes), Query::on_grid({0, 0, 0, 0}),
                         Query::anywhere(std::vector<Fr>(4, Fr::from_i64(-3)), axes)});
  const Verification all = verify(sample.commitment, every_kind, TensorChecker(sample.srs), options);
  EXPECT_TRUE(all.verdict.ok()) << all.verdict.step() << ": " << all.verdict.reason();
  EXPECT_EQ(all.matches, std::vector<std::optional<bool>>(3, true));
  std::vector<Scalar> values;
  for (std::size_t i = 0; i < sample.values.size(); ++i) values.push_back(sample.values.view()[i]);
  values[36 + 19] = Scalar::from_i64(1);  // layer 1, token 1, place 1
  const Captured other{tensor::IntegerArray::own(values), {}};
  options.captured = &other;
  const Verdict verdict = judge_parts(sample, proofs, options);
  EXPECT_EQ(verdict.step(), "captured values");
  EXPECT_EQ(verdict.item(), 1u);
  EXPECT_EQ(test::figure(verdict, "place"), "layer_1[0, 1, 1]");
}

// Entries are compared before parts, but what is named is the first in the order of the file.
TEST(Parts, TheFirstThatDiffersIsNamed) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  const Captured zeros{tensor::IntegerArray::own(std::vector<Scalar>(sample.values.size())), {}};
  VerifyOptions options;
  options.captured = &zeros;
  const auto place = [&](const Query& first, const Query& second) {
    const Verdict verdict = judge_parts(sample, proofs_of(sample, {first, second}), options);
    EXPECT_EQ(verdict.step(), "captured values");
    EXPECT_EQ(verdict.reason(), "the opened value is not the captured one");
    EXPECT_EQ(verdict.item(), 0u);
    return test::figure(verdict, "place");
  };
  const Query entry = Query::on_grid({0, 0, 0, 0});
  const Query layer = Query::of_parts({{0}, {1}}, axes), token = Query::of_parts({{1}, {1}}, axes);
  EXPECT_EQ(place(entry, layer), "layer_0[0, 0, 0]");
  EXPECT_EQ(place(layer, entry), "layer_1[0, 0, 0]");
  EXPECT_EQ(place(layer, token), "layer_1[0, 0, 0]");
  EXPECT_EQ(place(token, layer), "layer_0[0, 1, 0]");
}

TEST(Parts, EveryByteOfAFileMatters) {
  const Sample sample = test::model_sample();
  const Axes& axes = sample.srs.axes();
  const TensorChecker checker(sample.srs);
  const Bytes commitment = sample.commitment.encode();
  const Bytes file =
      proofs_of(sample, {Query::of_parts({{0, 1}, {1}}, axes), Query::of_parts({{0, 1, 2, 3}, {5, 6}}, axes)})
          .encode();
  ASSERT_EQ(test::judge(commitment, file, checker), test::Fate::kAccepted);
  for (std::size_t i = 0; i < file.size(); ++i) {
    Bytes bad = file;
    bad[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
    EXPECT_NE(test::judge(commitment, bad, checker), test::Fate::kAccepted) << i;
    EXPECT_FALSE(Proofs::decode(ByteSpan(file).first(i), "proofs").ok()) << i;
  }
}

TEST(PackValues, TakesTheLeastWidth) {
  const auto width = [](std::vector<std::int64_t> values) { return pack_values(IntegerView(values))[0]; };
  EXPECT_EQ(width({}), 1);
  EXPECT_EQ(width({127, -128}), 1);
  EXPECT_EQ(width({128}), 2);
  EXPECT_EQ(width({-129}), 2);
  EXPECT_EQ(width({32767, -32768}), 2);
  EXPECT_EQ(width({32768}), 4);
  EXPECT_EQ(width({-2147483648LL, 2147483647}), 4);
  EXPECT_EQ(width({2147483648LL}), 8);
  EXPECT_EQ(width({std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}), 8);
  const auto of = [](const std::vector<Scalar>& values) { return pack_values(IntegerView(values)); };
  EXPECT_EQ(of({Scalar::from_i64(-1)}), (Bytes{1, 0xff}));
  EXPECT_EQ(of({Scalar::from_i64(-129)}), (Bytes{2, 0x7f, 0xff}));
  EXPECT_EQ(of({Scalar::from_i64(std::numeric_limits<std::int64_t>::min())}).size(), 9u);
  EXPECT_EQ(of({Scalar::from_u64(~std::uint64_t{0})})[0], 32);
}

// The low word alone would fit into a byte.
TEST(PackValues, KeepsEveryWordOfAWideInteger) {
  for (const Scalar& value : {Scalar{{5, 1, 0, 0}}, Scalar{{5, 0, 0, 1}},
                              Scalar::from_magnitude(true, {5, 1, 0, 0}, "test").value()}) {
    const std::vector<Scalar> values{value};
    const Bytes packed = pack_values(IntegerView(values));
    ASSERT_EQ(packed.size(), 33u) << value.to_signed_decimal();
    EXPECT_EQ(packed[0], 32);
    EXPECT_EQ(Scalar::from_bytes(ByteSpan(packed).subspan(1), "test").value(), value);
  }
}

TEST(ChallengeOfUnits, AreKnownByTheirNames) {
  EXPECT_EQ(unit_of("entry"), Unit::kEntry);
  EXPECT_EQ(unit_of("token"), Unit::kToken);
  EXPECT_EQ(unit_of("layer"), Unit::kLayer);
  for (const char* name : {"", "Entry", "tokens", "block"}) EXPECT_EQ(unit_of(name), std::nullopt) << name;
}

// Uniform by the chi-squared test at one in a million.
TEST(ChallengeOfUnits, DrawsEachAboutAsOften) {
  const std::vector<tensor::IntegerTensor> layers{
      test::layer_of("a", {12, 3}, 1), test::layer_of("b", {12, 3}, 1), test::layer_of("c", {12, 3}, 1),
      test::layer_of("d", {12, 3}, 1), test::layer_of("e", {12, 3}, 1)};
  const Sample sample = test::make_sample("units", encode::plan_model(encode::shapes_of(layers), 16).value(),
                                          {}, tensor::Dtype::kI16, layers, {0});
  struct Case {
    Unit unit;
    std::uint32_t axis, count;
    double bound;  // of the distribution with count - 1 degrees of freedom
  };
  for (const Case& c : {Case{Unit::kToken, 1, 12, 50.2}, Case{Unit::kLayer, 0, 5, 33.4}}) {
    constexpr int kDraws = 4000, kEach = 2;
    std::map<std::uint32_t, double> seen;
    for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
      const Challenge drawn = Challenge::from_seed(sample.commitment, kEach, seed, c.unit).value();
      ASSERT_EQ(drawn.queries.size(), 1u);
      EXPECT_EQ(drawn.queries[0].parts.fixed, std::vector<std::uint32_t>{c.axis});
      for (const std::uint32_t position : drawn.queries[0].parts.positions) ++seen[position];
    }
    ASSERT_EQ(seen.size(), c.count);
    const double expected = double{kDraws} * kEach / c.count;
    double chi = 0;
    for (const auto& [position, times] : seen) chi += (times - expected) * (times - expected) / expected;
    EXPECT_LT(chi, c.bound);
    EXPECT_GT(chi, 0.01);  // and no more even than chance is
  }
}

TEST(ChallengeOfUnits, IsAskedAndAnsweredAsAFile) {
  const Sample sample = test::model_sample();
  const Challenge drawn = Challenge::draw(sample.commitment, 2, World::system(), Unit::kToken).value();
  const Challenge read = Challenge::decode(drawn.encode(), "challenge").value();
  EXPECT_EQ(read.queries, drawn.queries);
  EXPECT_EQ(read.encode(), drawn.encode());
  EXPECT_TRUE(read.check(sample.commitment).ok());
  VerifyOptions options;
  options.challenge = &read;
  EXPECT_TRUE(judge_parts(sample, proofs_of(sample, read.queries), options).ok());
  // Half of it, another slice, or its entries one by one are no answer.
  const Axes& axes = sample.srs.axes();
  for (const Selection& other : {Selection{{1}, {0}}, Selection{{0}, {0, 1}}, every(axes, 15)})
    EXPECT_EQ(judge_parts(sample, proofs_of(sample, {Query::of_parts(other, axes)}), options).step(),
              "challenge");
  EXPECT_EQ(Challenge::draw(sample.commitment, 3, World::system(), Unit::kToken).error().code,
            ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::draw(sample.commitment, 0, World::system(), Unit::kLayer).error().code,
            ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::draw(test::flat_sample().commitment, 1, World::system(), Unit::kLayer).error().code,
            ErrorCode::kUnsupported);
}

/// Axes 2,4,5: two layers of three tokens, with room for one more.
Sample room_sample() {
  const std::vector<tensor::IntegerTensor> layers{test::layer_of("a", {3, 5}, 1),
                                                  test::layer_of("b", {3, 5}, 1)};
  return test::make_sample("room", encode::plan_model(encode::shapes_of(layers), 4).value(), {},
                           tensor::Dtype::kI16, layers, {0});
}

TEST(ChallengeOfUnits, OfPaddingIsNone) {
  const Sample sample = room_sample();
  const Axes& axes = sample.srs.axes();
  const auto asks = [&](const Selection& parts) {
    return Challenge{sample.commitment.digest(),
                     {Query::of_parts(parts, axes)},
                     false,
                     static_cast<std::uint32_t>(axes.count())};
  };
  EXPECT_TRUE(asks({{1}, {0, 2}}).check(sample.commitment).ok());
  EXPECT_EQ(asks({{1}, {0, 3}}).check(sample.commitment).error().code, ErrorCode::kOutOfRange);
  // A set has its entries of padding among its values: entry 15 is of the token that never came.
  EXPECT_TRUE(asks({{0, 1, 2}, {0, 14}}).check(sample.commitment).ok());
  const Challenge hiding = asks({{0, 1, 2}, {0, 15}});
  EXPECT_EQ(hiding.check(sample.commitment).error().to_string(),
            "challenge, point 0: axes 0,1,2 at 2 positions is a position of padding: a challenge asks for "
            "values");
  VerifyOptions asked;
  asked.challenge = &hiding;
  EXPECT_EQ(judge_parts(sample, proofs_of(sample, hiding.queries), asked).step(), "challenge");
  // The slice of a token that never came is zeros, and none of them travels.
  const Proofs empty = proofs_of(sample, {Query::of_parts({{1}, {3}}, axes)});
  EXPECT_EQ(empty.value_count(0), 0u);
  EXPECT_TRUE(judge_parts(sample, empty).ok());
  VerifyOptions options;
  options.at_least = 1;
  EXPECT_EQ(judge_parts(sample, empty, options).step(), "points");
}

// Position 7 would be that of padding if it were counted on from the axis's first node again.
TEST(ChallengeOfUnits, OutsideTheAxesIsForNobodyToAnswer) {
  const Sample sample = room_sample();
  const Challenge beyond{sample.commitment.digest(), {Query{{}, {}, {{1}, {7}}}}, false, 3};
  // That it lies outside is found where it is answered, and in the answer.
  EXPECT_TRUE(beyond.check(sample.commitment).ok());
  const Result<Proofs> refused = prove(sample.srs, sample.commitment, sample.values.view(), beyond.queries);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused.error().to_string(), "point 0: parts: position 7 where the fixed axes have 4");
  const Proofs answer = changed(proofs_of(sample, {Query::of_parts({{1}, {1}}, sample.srs.axes())}),
                                [](Proof& p) { p.query.parts.positions = {7}; });
  VerifyOptions options;
  options.challenge = &beyond;
  const Verdict verdict = judge_parts(sample, answer, options);
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_EQ(verdict.reason(), "position 7 where the fixed axes have 4");
}

}  // namespace
}  // namespace assay::claim
