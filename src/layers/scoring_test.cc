#include "assay/layers_scoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "assay/weights_manifest.h"
#include "base/file.h"
#include "base/threads.h"
#include "layers/spectra_records.h"

namespace assay::layers {
namespace {

using internal::decode_spectra;
using internal::encode_record;
using internal::SpectrumRecord;
using testing::HasSubstr;

/// Two blocks of two layers, one of them wide.
struct ScoredModel {
  std::vector<std::vector<float>> values;
  weights::Stack stack;

  [[nodiscard]] std::vector<tensor::StoredTensor> tensors() const {
    std::vector<tensor::StoredTensor> all;
    for (const weights::Block& block : stack.blocks)
      for (const weights::Layer& layer : block.layers) all.push_back(layer.weight);
    return all;
  }
};

ScoredModel model(std::uint32_t seed = 1) {
  ScoredModel out;
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  out.stack.name = "model.layers";
  for (int b = 0; b < 2; ++b) {
    weights::Block block{fmt::format("model.layers.{}", b), {}};
    for (const tensor::Shape& shape : {tensor::Shape{30, 20}, tensor::Shape{8, 40}}) {
      std::vector<float>& values = out.values.emplace_back(shape[0] * shape[1]);
      for (float& value : values) value = normal(generator);
      weights::Layer layer;
      layer.name = shape[0] == 30 ? "attn.q" : "mlp.up";
      layer.weight.name = fmt::format("{}.{}.weight", block.name, layer.name);
      layer.weight.dtype = "F32";
      layer.weight.shape = shape;
      layer.weight.bytes = {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4};
      block.layers.push_back(layer);
    }
    out.stack.blocks.push_back(block);
  }
  return out;
}

SpectrumRecord record(std::uint8_t number, bool shuffled = false) {
  SpectrumRecord out;
  out.key.weight.fill(number);
  if (shuffled) out.key.shuffle_seed = 7;
  out.spectrum.eigenvalues = {0, 0.5, static_cast<double>(number) + 1};
  out.spectrum.zeros = 1;
  out.spectrum.rows = 3;
  out.spectrum.columns = 5;
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes file_of(std::initializer_list<SpectrumRecord> records) {
  Bytes out = internal::spectra_header();
  for (const SpectrumRecord& each : records) out = joined({out, encode_record(each)});
  return out;
}

/// The record with other bytes of its body, and the checksum that belongs to them.
Bytes changed(const SpectrumRecord& original, std::size_t at, const Bytes& bytes) {
  const Bytes sealed = encode_record(original);
  Bytes body(sealed.begin() + 4, sealed.end() - 32);
  std::ranges::copy(bytes, body.begin() + static_cast<std::ptrdiff_t>(at));
  return internal::seal_body(body);
}

TEST(SpectraRecords, AreReadAsTheyWereWritten) {
  const Bytes bytes = file_of({record(1), record(2), record(2, true)});
  const internal::SpectraContent content = decode_spectra(bytes, "file").value();
  EXPECT_EQ(content.records, (std::vector{record(1), record(2), record(2, true)}));
  EXPECT_EQ(content.whole_bytes, bytes.size());
  EXPECT_EQ(decode_spectra({}, "file")->whole_bytes, 0U);
}

TEST(SpectraRecords, WhatWasCutOffIsNotTaken) {
  const std::size_t header = internal::spectra_header().size();
  const std::size_t first = file_of({record(1)}).size();
  const Bytes bytes = file_of({record(1), record(2)});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const internal::SpectraContent content = decode_spectra(ByteSpan(bytes).first(size), "file").value();
    EXPECT_EQ(content.records.size(), size < first ? 0U : 1U) << size;
    EXPECT_EQ(content.whole_bytes, size < header ? 0 : size < first ? header : first) << size;
  }
}

TEST(SpectraRecords, AWrongChecksumIsTakenForACutAtTheEndAlone) {
  Bytes bytes = file_of({record(1), record(2)});
  bytes[bytes.size() - 40] ^= 1;
  EXPECT_EQ(decode_spectra(bytes, "file")->records, std::vector{record(1)});
  bytes = file_of({record(1), record(2)});
  bytes[internal::spectra_header().size() + 10] ^= 1;
  EXPECT_THAT(decode_spectra(bytes, "file").error().to_string(), HasSubstr("is not that of the record"));
}

TEST(SpectraRecords, AreHeldToWhatAScoringWrites) {
  const auto refusal = [](const Bytes& last) {
    const Result<internal::SpectraContent> found =
        decode_spectra(joined({internal::spectra_header(), last}), "file");
    return found.ok() ? "none" : found.error().to_string();
  };
  const SpectrumRecord fine = record(1);
  EXPECT_EQ(refusal(encode_record(fine)), "none");
  EXPECT_EQ(refusal(changed(fine, 32, {1})), "none");
  EXPECT_THAT(refusal(changed(fine, 32, {3})), HasSubstr("3 is not a method"));
  EXPECT_THAT(refusal(changed(fine, 32, {2})), HasSubstr("is not the one that was asked for"));
  EXPECT_THAT(refusal(changed(fine, 33, {2})), HasSubstr("neither 0 nor 1"));
  EXPECT_THAT(refusal(changed(fine, 34, {1})), HasSubstr("not shuffled"));
  EXPECT_THAT(refusal(changed(fine, 42, {0})), HasSubstr("another size"));
  EXPECT_THAT(refusal(changed(fine, 42, {2})), HasSubstr("not a multiple"));
  EXPECT_THAT(refusal(changed(fine, 58, {0})), HasSubstr("auto computes nothing"));
  EXPECT_THAT(refusal(changed(fine, 59, {4})), HasSubstr("count"));
  EXPECT_THAT(refusal(changed(fine, 59, {0})), HasSubstr("count"));
  EXPECT_THAT(refusal(changed(fine, 63 + 7, {0x80})), HasSubstr("not ascending"));             // -0
  EXPECT_THAT(refusal(changed(fine, 63 + 8 + 6, {0xf8, 0x7f})), HasSubstr("not ascending"));   // NaN
  EXPECT_THAT(refusal(changed(fine, 63 + 8, Bytes(16, 0))), HasSubstr("not ascending"));       // zeros alone
  EXPECT_THAT(refusal(changed(fine, 63 + 16 + 6, {0xf0, 0x7f})), HasSubstr("not ascending"));  // infinity
  EXPECT_THAT(refusal(changed(fine, 63 + 8 + 6, {0x08, 0x40})), HasSubstr("not ascending"));   // 0, 3, 2
  SpectrumRecord empty = fine;
  empty.spectrum.eigenvalues.clear();
  EXPECT_THAT(refusal(encode_record(empty)), HasSubstr("not a multiple"));
  EXPECT_THAT(refusal(joined({encode_record(fine), encode_record(fine)})), HasSubstr("another one"));
  EXPECT_THAT(refusal({1, 0, 0, 0}), HasSubstr("1 bytes"));
  EXPECT_THAT(refusal({255, 255, 255, 255}), HasSubstr("4294967295 bytes"));
  EXPECT_EQ(decode_spectra(Bytes{1, 2, 3}, "file").error().code, ErrorCode::kMalformed);
}

TEST(SpectraRecords, AreOfSidesUpToTheLargest) {
  SpectrumRecord vast = record(1);
  vast.spectrum.zeros = 0;
  const auto is_read = [&vast](std::uint64_t rows, std::uint64_t columns, std::size_t count) {
    vast.spectrum.rows = rows;
    vast.spectrum.columns = columns;
    vast.spectrum.eigenvalues.assign(count, 1);
    return decode_spectra(file_of({vast}), "file").ok();
  };
  EXPECT_TRUE(is_read(32768, 32768, 32768));
  EXPECT_FALSE(is_read(32769, 32769, 32769));
  EXPECT_TRUE(is_read(2, std::uint64_t{1} << 40, 2));
  EXPECT_FALSE(is_read(2, (std::uint64_t{1} << 40) + 1, 2));
  EXPECT_TRUE(is_read(1, 1, Spectrum::kMaxEigenvalues));
}

class ScoringTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) / ("spectra." + std::to_string(::getpid()));
};

TEST_F(ScoringTest, TheFileGoesOnWhereItWasCutOff) {
  {
    SpectraFile file = SpectraFile::open(path_).value();
    ASSERT_TRUE(file.add(record(1).key, record(1).spectrum).ok());
    ASSERT_TRUE(file.add(record(2).key, record(2).spectrum).ok());
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 5);
  {
    SpectraFile file = SpectraFile::open(path_).value();
    EXPECT_EQ(file.size(), 1U);
    EXPECT_EQ(file.dropped_bytes(), encode_record(record(2)).size() - 5);
    EXPECT_EQ(*file.find(record(1).key), record(1).spectrum);
    EXPECT_EQ(file.find(record(2).key), nullptr);
    ASSERT_TRUE(file.add(record(3).key, record(3).spectrum).ok());
  }
  EXPECT_EQ(read_file(path_, 1000).value(), file_of({record(1), record(3)}));
}

TEST_F(ScoringTest, ANewMetricRecomputesNothing) {
  const ScoredModel one = model();
  SpectraFile file = SpectraFile::open(path_).value();
  const Scoring first = score(one.stack, one.tensors(), {"one", "llama"}, {}, &file).value();
  EXPECT_EQ(first.matrices, 4U);
  EXPECT_EQ(first.taken_over, 0U);
  for (const Metric metric : all_metrics()) {
    ScoreOptions options;
    options.metric = metric;
    const Scoring with = score(one.stack, one.tensors(), {"one", "llama"}, options, &file).value();
    EXPECT_EQ(with.taken_over, 4U) << to_string(metric);
    EXPECT_EQ(with.matrices, metric == Metric::kRandomDistance ? 8U : 4U);
    EXPECT_EQ(with.scores, score(one.stack, one.tensors(), {"one", "llama"}, options, nullptr)->scores)
        << to_string(metric);
  }
  EXPECT_EQ(file.size(), 8U);
}

TEST_F(ScoringTest, AnotherWeightIsComputedAnew) {
  SpectraFile file = SpectraFile::open(path_).value();
  ScoredModel one = model();
  ASSERT_TRUE(score(one.stack, one.tensors(), {"one", ""}, {}, &file).ok());
  one.values[2][5] += 1;
  EXPECT_EQ(score(one.stack, one.tensors(), {"one", ""}, {}, &file)->taken_over, 3U);
}

// Whoever made the file may have written anything; what is of another shape is seen.
TEST_F(ScoringTest, ASpectrumOfAnotherShapeIsRefused) {
  const ScoredModel one = model();
  const weights::Layer& layer = one.stack.blocks[1].layers[0];
  SpectrumRecord known = record(1);
  known.key.weight = weight_digest(tensor::view_of(layer.weight).value());
  for (const auto& [rows, columns] : {std::pair(20, 30), {30, 21}, {31, 20}}) {
    std::filesystem::remove(path_);
    SpectraFile file = SpectraFile::open(path_).value();
    known.spectrum.rows = static_cast<std::size_t>(rows);
    known.spectrum.columns = static_cast<std::size_t>(columns);
    ASSERT_TRUE(file.add(known.key, known.spectrum).ok());
    const Error error = score(one.stack, one.tensors(), {"one", ""}, {}, &file).error();
    EXPECT_EQ(error.code, ErrorCode::kMismatch);
    EXPECT_EQ(error.to_string(),
              layer.weight.name + ": the spectra file has it in another shape: remove that file");
  }
}

// Beside each other as well: these take so long that several threads ask before the first is there.
TEST_F(ScoringTest, WeightsOfTheSameBytesAreKeptOnce) {
  std::vector<float> values(400 * 400);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 1009);
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4);
  const SpectrumRequest request{
      {"w", tensor::Dtype::kF32, {400, 400}, bytes, nullptr}, EigenMethod::kGram, {}};
  const std::vector<SpectrumRequest> requests(8, request);
  for (const unsigned threads : {1U, 4U}) {
    std::filesystem::remove(path_);
    set_thread_limit(threads);
    SpectraFile file = SpectraFile::open(path_).value();
    const Spectra found = spectra_of(requests, &file).value();
    for (const Spectrum& spectrum : found.spectra) EXPECT_EQ(spectrum, found.spectra[0]);
    EXPECT_EQ(file.size(), 1U);
  }
  set_thread_limit(0);
}

TEST_F(ScoringTest, NamesShapesAndScores) {
  const ScoredModel one = model();
  ScoreOptions options;
  options.metric = Metric::kStableRank;
  options.mapping.mapping = Mapping::kLayerWise;
  const Scores scores = score(one.stack, one.tensors(), {"one", "opt"}, options, nullptr)->scores;
  EXPECT_TRUE(scores.validate().ok());
  EXPECT_TRUE(scores.is_opt_model);
  EXPECT_EQ(scores.metric_name, "stable_rank");
  ASSERT_EQ(scores.layers.size(), 4U);
  EXPECT_EQ(scores.layers[3].name, "1.mlp.up");
  EXPECT_EQ(scores.layers[3].weight_shape, (tensor::Shape{8, 40}));
  EXPECT_EQ(scores.layers[3].num_parameters, 320U);
  EXPECT_EQ(scores.blocks[1].start_layer_index, 2U);
  EXPECT_EQ(scores.blocks[1].end_layer_index, 3U);
  double taken = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Spectrum spectrum =
        spectrum_of(tensor::view_of(one.stack.blocks[i / 2].layers[i % 2].weight).value()).value();
    EXPECT_EQ(scores.assay->metrics[i], evaluate(Metric::kStableRank, spectrum)->value);
    EXPECT_EQ(scores.layers[i].significance_score, 1 - scores.layers[i].pruning_ratio);
    taken += scores.layers[i].pruning_ratio * static_cast<double>(scores.layers[i].num_parameters);
  }
  EXPECT_NEAR(taken / static_cast<double>(scores.total_parameters()), 0.7, 1e-12);
}

TEST_F(ScoringTest, ScoresAreBoundToAllWeights) {
  const ScoredModel one = model();
  std::vector<tensor::StoredTensor> all = one.tensors();
  // Not one of the layers: the head.
  const Bytes head(24, 1);
  all.push_back({"head.weight", "F32", {2, 3}, head, nullptr});
  const Digest root = weights::Manifest::of(all).value().root();
  EXPECT_EQ(score(one.stack, all, {"one", ""}, {}, nullptr)->scores.assay->weights, root);
  all.pop_back();
  const Digest other = weights::Manifest::of(all).value().root();
  EXPECT_NE(root, other);
  EXPECT_EQ(score(one.stack, all, {"one", ""}, {}, nullptr)->scores.assay->weights, other);
  // What has no root has no scores, and no spectrum is computed.
  all.push_back(all.front());
  SpectraFile file = SpectraFile::open(path_).value();
  EXPECT_EQ(score(one.stack, all, {"one", ""}, {}, &file).error().place, all.front().name);
  EXPECT_EQ(file.size(), 0U);
}

TEST_F(ScoringTest, GivenMetricsMakeUnboundScores) {
  const ScoredModel one = model();
  ScoreOptions options;
  options.metric = Metric::kEntropy;
  const Scores own = score(one.stack, one.tensors(), {"one", "llama"}, options, nullptr)->scores;
  const Scores given =
      score_given(one.stack, {"one", "llama"}, {own.assay->metrics, "one/entropy.npy"}, options).value();
  EXPECT_EQ(given.layers, own.layers);
  EXPECT_EQ(given.blocks, own.blocks);
  EXPECT_EQ(given.metadata, own.metadata);
  EXPECT_EQ(given.metric_name, "entropy");
  EXPECT_EQ(given.assay->weights, std::nullopt);
  EXPECT_EQ(given.assay->metrics, own.assay->metrics);
  EXPECT_THAT(given.assay->notes,
              testing::ElementsAre("the metrics are those of one/entropy.npy, and bound to no weights"));
  // Nothing that spectra depend on is claimed of them.
  EXPECT_EQ(given.assay->parameters, (decltype(ScoreOrigin::parameters){{"clip", std::string("fill")}}));
}

TEST_F(ScoringTest, GivenMetricsOfAnotherModelAreRefused) {
  const ScoredModel one = model();
  for (const std::size_t count : {0U, 3U, 5U}) {
    const std::vector<double> values(count, 2.5);
    const Error error = score_given(one.stack, {"one", ""}, {values, "x.npy"}, {}).error();
    EXPECT_EQ(error.code, ErrorCode::kMismatch);
    EXPECT_EQ(error.to_string(), fmt::format("x.npy: {} metrics, the model has 4 layers", count));
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(score_given(one.stack, {"one", ""}, {{1, 2, nan, 3}, "x.npy"}, {}).error().code,
            ErrorCode::kOutOfRange);
  ScoreOptions options;
  options.mapping.epsilon = 1;
  EXPECT_EQ(score_given(one.stack, {"one", ""}, {{1, 2, 3, 4}, "x.npy"}, options).error().place, "epsilon");
}

TEST_F(ScoringTest, OneThreadAndTwoGiveTheSameBits) {
  const ScoredModel one = model();
  set_thread_limit(1);
  const Scores alone = score(one.stack, one.tensors(), {"one", ""}, {}, nullptr)->scores;
  set_thread_limit(2);
  EXPECT_EQ(score(one.stack, one.tensors(), {"one", ""}, {}, nullptr)->scores, alone);
  set_thread_limit(0);
}

TEST_F(ScoringTest, SaysWhichWeightIsBad) {
  ScoredModel one = model();
  one.values[3][6] = std::numeric_limits<float>::infinity();
  const Error error = score(one.stack, one.tensors(), {"one", ""}, {}, nullptr).error();
  EXPECT_EQ(error.to_string(), "model.layers.1.mlp.up.weight: the value at index 6 is infinite");
  // What needs no spectrum comes first.
  ScoreOptions options;
  options.mapping.sparsity = 1;
  EXPECT_EQ(score(one.stack, one.tensors(), {"one", ""}, options, nullptr).error().place, "sparsity");
}

TEST_F(ScoringTest, OnOneThreadNothingIsComputedAfterAnError) {
  ScoredModel one = model();
  for (const std::size_t layer : {1U, 3U}) one.values[layer][6] = std::numeric_limits<float>::infinity();
  set_thread_limit(1);
  SpectraFile file = SpectraFile::open(path_).value();
  const Error error = score(one.stack, one.tensors(), {"one", ""}, {}, &file).error();
  set_thread_limit(0);
  EXPECT_EQ(error.to_string(), "model.layers.0.mlp.up.weight: the value at index 6 is infinite");
  EXPECT_EQ(file.size(), 2U);  // the two larger weights
}

// Eigenvalues from 1e-12 to 1e16, so that a bin reaches from 100 to 190: beyond the window around a peak.
TEST_F(ScoringTest, NotesOnLayersAreAsManyAsScoresTake) {
  std::vector<float> values(25);
  const std::vector<float> diagonal = {1e-6F, 12.65F, 12.85F, 13.04F, 1e8F};
  for (std::size_t i = 0; i < diagonal.size(); ++i) values[6 * i] = diagonal[i];
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4);
  weights::Stack stack;
  weights::Block block{"b", {}};
  std::vector<tensor::StoredTensor> tensors;
  for (std::size_t i = 0; i <= Scores::kMaxNotes; ++i) {
    tensors.push_back({std::to_string(i), "F32", {5, 5}, bytes, nullptr});
    block.layers.push_back({std::to_string(i), weights::Layer::Kind::kLinear, tensors.back()});
  }
  stack.blocks.push_back(block);
  ScoreOptions options;
  options.metric = Metric::kAlphaPeak;
  options.method = EigenMethod::kSvd;
  const Scores scores = score(stack, tensors, {"one", ""}, options, nullptr)->scores;
  EXPECT_TRUE(scores.validate().ok());
  ASSERT_EQ(scores.assay->notes.size(), Scores::kMaxNotes);
  EXPECT_THAT(scores.assay->notes[7], testing::StartsWith("0.7: no start between"));
}

TEST_F(ScoringTest, NotesWhatIsOutOfTheOrdinary) {
  ScoredModel one = model();
  EXPECT_THAT(score(one.stack, one.tensors(), {"one", ""}, {}, nullptr)->scores.assay->notes,
              testing::IsEmpty());
  std::fill(one.values[0].begin(), one.values[0].begin() + 20 * 20, 0.0F);
  const ScoreOrigin origin = *score(one.stack, one.tensors(), {"one", ""}, {}, nullptr)->scores.assay;
  EXPECT_THAT(origin.notes,
              testing::ElementsAre("1 of 4 layers are nearly singular: their singular values were taken",
                                   "1 of 4 layers have eigenvalues of 0, which are in no fit: 10 in all"));
}

}  // namespace
}  // namespace assay::layers
