#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <random>

#include "assay/layers_mapping.h"
#include "assay/tensor.h"
#include "tensor/test_support.h"

namespace assay::layers {
namespace {

using testing::HasSubstr;

struct Model {
  std::vector<double> metrics;
  std::vector<std::uint64_t> sizes;
  std::vector<std::size_t> blocks;
};

double sparsity_of(const Model& model, const PruningRatios& found) {
  double taken = 0;
  double total = 0;
  for (std::size_t i = 0; i < model.sizes.size(); ++i) {
    taken += found.ratios[i] * static_cast<double>(model.sizes[i]);
    total += static_cast<double>(model.sizes[i]);
  }
  return taken / total;
}

Result<PruningRatios> mapped(const Model& model, const MappingOptions& options) {
  return pruning_ratios(model.metrics, model.sizes, model.blocks, options);
}

TEST(Mapping, TwoLayersAreFilledOrCutOff) {
  const Model model{{0, 1}, {10, 10}, {1, 1}};
  MappingOptions options{Mapping::kBlockWise, 0.9, 0.3, Clip::kSeed};
  const PruningRatios cut = mapped(model, options).value();
  EXPECT_NEAR(cut.ratios[0], 0.63, 1e-15);
  EXPECT_EQ(cut.ratios[1], 1);
  EXPECT_NEAR(sparsity_of(model, cut), 0.815, 1e-15);
  options.clip = Clip::kFill;
  const PruningRatios filled = mapped(model, options).value();
  EXPECT_NEAR(filled.ratios[0], 0.8, 1e-15);
  EXPECT_EQ(filled.ratios[1], 1);
  EXPECT_EQ(filled.full, 1U);
}

TEST(Mapping, EqualMetricsGiveTheSparsity) {
  const Model model{{3, 3, 3}, {1, 20, 300}, {3}};
  for (const Clip clip : {Clip::kFill, Clip::kSeed}) {
    const PruningRatios found = mapped(model, {Mapping::kLayerWise, 0.7, 0.3, clip}).value();
    for (const double ratio : found.ratios) EXPECT_NEAR(ratio, 0.7, 1e-15);
  }
}

TEST(Mapping, ABlockHasOneRatio) {
  const Model model{{1, 3, 7, 9, 5}, {1, 2, 3, 4, 5}, {2, 1, 2}};
  const std::vector<double> ratios = mapped(model, {}).value().ratios;
  EXPECT_EQ(ratios[0], ratios[1]);
  EXPECT_EQ(ratios[2], ratios[3]);  // the means are 2, 7 and 7
  EXPECT_EQ(ratios[2], ratios[4]);
  EXPECT_NEAR(ratios[2] / ratios[0], 1.3 / 0.7, 1e-14);
}

TEST(Mapping, WhatIsWorthAddsUp) {
  // Blocks that are alike: the sum over all layers of 1 - ratio is L (1 - S), whatever epsilon is.
  Model model{{}, {}, std::vector<std::size_t>(32, 7)};
  std::mt19937 generator(5);
  for (std::size_t i = 0; i < 224; ++i) {
    model.metrics.push_back(std::uniform_real_distribution(1.0, 7.0)(generator));
    model.sizes.push_back(i % 7 < 4 ? 16777216 : 45088768);
  }
  for (const double epsilon : {0.0, 0.1, 0.3}) {
    double worth = 0;
    for (const double ratio : mapped(model, {Mapping::kBlockWise, 0.7, epsilon, Clip::kFill}).value().ratios)
      worth += 1 - ratio;
    EXPECT_NEAR(worth, 67.2, 1e-10) << epsilon;
  }
}

// A law of the filling: the mean is S, ratios keep the order of metrics, and those below 1 the proportions of
// r.
TEST(Mapping, FillingHoldsTheSparsityExactly) {
  std::mt19937 generator(6);
  const auto draw = [&](double low, double high) {
    return std::uniform_real_distribution(low, high)(generator);
  };
  for (int round = 0; round < 500; ++round) {
    Model model;
    const std::size_t layers = 1 + generator() % 20;
    for (std::size_t i = 0; i < layers; ++i) {
      model.metrics.push_back(round % 3 == 0 ? static_cast<double>(generator() % 3) : draw(-5, 5));
      model.sizes.push_back(1 + generator() % 1000);
    }
    model.blocks.assign(layers, 1);
    const MappingOptions options{Mapping::kLayerWise, draw(0.01, 0.999), draw(0, 0.999), Clip::kFill};
    const PruningRatios found = mapped(model, options).value();
    EXPECT_NEAR(sparsity_of(model, found), options.sparsity, 1e-12);
    EXPECT_EQ(found.full, static_cast<std::size_t>(std::ranges::count(found.ratios, 1.0)));
    const auto [least, largest] = std::ranges::minmax(model.metrics);
    for (std::size_t i = 0; i < layers; ++i) {
      const double place = largest > least ? (model.metrics[i] - least) / (largest - least) : 0.5;
      const double relative = 1 - options.epsilon + 2 * options.epsilon * place;
      EXPECT_NEAR(found.ratios[i], std::min(1.0, found.scale * relative), 1e-12);
      EXPECT_GT(found.ratios[i], 0);
    }
  }
}

TEST(Mapping, Refuses) {
  const Model model{{0, 1}, {10, 10}, {1, 1}};
  const auto place = [&](const Model& of, double sparsity, double epsilon) {
    const Result<PruningRatios> found = mapped(of, {Mapping::kBlockWise, sparsity, epsilon, Clip::kFill});
    return found.ok() ? "none" : found.error().place;
  };
  EXPECT_EQ(place(model, 0.5, 0), "none");
  for (const double sparsity : {0.0, 1.0, -0.1, 1.5, std::nan("")})
    EXPECT_EQ(place(model, sparsity, 0.3), "sparsity");
  for (const double epsilon : {-0.1, 1.0, std::nan("")}) EXPECT_EQ(place(model, 0.7, epsilon), "epsilon");
  EXPECT_EQ(place({{0, 1, 2}, {10, 10}, {1, 1}}, 0.7, 0.3), "metrics");
  EXPECT_EQ(place({{}, {}, {}}, 0.7, 0.3), "metrics");
  EXPECT_EQ(place({{0, std::nan("")}, {10, 10}, {1, 1}}, 0.7, 0.3), "metrics");
  const MappingOptions options{Mapping::kBlockWise, 0.7, 0.3, Clip::kFill};
  EXPECT_EQ(mapped({{0, std::nan("")}, {10, 10}, {1, 1}}, options).error().reason,
            "that of layer 1 is not finite");
  EXPECT_EQ(place({{-1e308, 1e308}, {10, 10}, {1, 1}}, 0.7, 0.3), "metrics");
  EXPECT_EQ(place({{0, 1}, {10, 0}, {1, 1}}, 0.7, 0.3), "sizes");
  EXPECT_EQ(place({{0, 1}, {10, Scores::kMaxParameters + 1}, {1, 1}}, 0.7, 0.3), "sizes");
  EXPECT_EQ(place({{0, 1}, {10, Scores::kMaxParameters}, {1, 1}}, 0.5, 0), "none");
  EXPECT_EQ(place({{0, 1}, {10, 10}, {1}}, 0.7, 0.3), "blocks");
  EXPECT_EQ(place({{0, 1}, {10, 10}, {1, 2}}, 0.7, 0.3), "blocks");
  EXPECT_EQ(place({{0, 1}, {10, 10}, {0, 2}}, 0.7, 0.3), "blocks");
  // Their sum is 2 modulo 2^64.
  EXPECT_EQ(place({{0, 1}, {10, 10}, {std::numeric_limits<std::size_t>::max(), 3}}, 0.7, 0.3), "blocks");
  EXPECT_EQ(clip_from(to_string(Clip::kSeed)), Clip::kSeed);
  EXPECT_EQ(clip_from(to_string(Clip::kFill)), Clip::kFill);
  EXPECT_EQ(clip_from("none"), std::nullopt);
}

/// Metrics that AlphaPruning publishes, <folder>/<model>/alpha_peak.npy, for models of 32 blocks of 7 layers
/// and the width 4096.
Model published(const std::filesystem::path& folder, const std::string& name) {
  const tensor::TensorFile file = tensor::open(folder / name / "alpha_peak.npy").value();
  Model model{{}, {}, std::vector<std::size_t>(32, 7)};
  const tensor::TensorView& values = file.tensors.at(0);
  EXPECT_EQ(values.dtype, tensor::Dtype::kF64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    model.metrics.push_back(tensor::load_at<double>(values.bytes, i * 8));
    model.sizes.push_back(4096 * (i % 7 < 4 ? 4096 : 11008));
  }
  return model;
}

struct Row {
  std::string model;
  MappingOptions options;
  double scale;
  double least;
  std::size_t least_at;
  double largest;
  std::size_t largest_at;
  std::vector<double> first;
};

TEST(Mapping, PublishedMetricsGiveTheKnownRatios) {
  const char* folder = std::getenv("ASSAY_ALPHAPRUNING");
  if (folder == nullptr)
    GTEST_SKIP() << "ASSAY_ALPHAPRUNING names no folder with AlphaPruning's <model>/alpha_peak.npy";
  const auto block = [](double sparsity, double epsilon) {
    return MappingOptions{Mapping::kBlockWise, sparsity, epsilon, Clip::kFill};
  };
  const MappingOptions layer{Mapping::kLayerWise, 0.7, 0.3, Clip::kFill};
  const std::vector<Row> rows{
      {"llama-7b-hf",
       block(.7, .3),
       0.715173892,
       .500622,
       9,
       .929726,
       25,
       {.504228, .575504, .596555, .595356, .628774, .621807}},
      {"llama-7b-hf", block(.7, .2), 0.710043358, .568035, 9, .852052, 25, {.570422, .617598, .631531}},
      {"llama-7b-hf", layer, 0.744459720, .521122, 1, .967798, 152, {.522785, .521122, .728982, .722903}},
      {"llama2-7b-hf", block(.7, .3), 0.659815158, .461871, 0, .857760, 20, {.461871, .564665, .639725}},
      {"llama2-7b-hf", block(.5, .3), 0.471296542, .329908, 0, .612686, 20, {.329908, .403332, .456946}}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.model);
    const PruningRatios found = mapped(published(folder, row.model), row.options).value();
    EXPECT_NEAR(found.scale, row.scale, 1e-9);
    const std::size_t step = row.options.mapping == Mapping::kBlockWise ? 7 : 1;
    const auto [least, largest] = std::ranges::minmax_element(found.ratios);
    EXPECT_NEAR(*least, row.least, 1e-6);
    EXPECT_EQ((least - found.ratios.begin()) / step, row.least_at);
    EXPECT_NEAR(*largest, row.largest, 1e-6);
    EXPECT_EQ((std::ranges::max_element(found.ratios) - found.ratios.begin()) / step, row.largest_at);
    for (std::size_t i = 0; i < row.first.size(); ++i)
      EXPECT_NEAR(found.ratios[i * step], row.first[i], 1e-6) << i;
  }
  EXPECT_NEAR(mapped(published(folder, "llama-7b-hf"), block(.7, .3)).value().ratios.back(), .747898, 1e-6);
  EXPECT_NEAR(mapped(published(folder, "llama2-7b-hf"), block(.7, .3)).value().ratios.back(), .704600, 1e-6);
}

TEST(Mapping, PublishedMetricsBeyondOneAreFilled) {
  const char* folder = std::getenv("ASSAY_ALPHAPRUNING");
  if (folder == nullptr)
    GTEST_SKIP() << "ASSAY_ALPHAPRUNING names no folder with AlphaPruning's <model>/alpha_peak.npy";
  MappingOptions options{Mapping::kBlockWise, .85, .9, Clip::kFill};
  const Model one = published(folder, "llama-7b-hf");
  const PruningRatios first = mapped(one, options).value();
  EXPECT_NEAR(first.scale, 1.949468, 1e-6);
  EXPECT_EQ(first.full, 133U);
  const PruningRatios second = mapped(published(folder, "llama2-7b-hf"), options).value();
  EXPECT_NEAR(second.scale, 0.951846, 1e-6);
  EXPECT_EQ(second.full, 112U);
  options.clip = Clip::kSeed;
  EXPECT_NEAR(sparsity_of(one, mapped(one, options).value()), .6615, 1e-4);
}

}  // namespace
}  // namespace assay::layers
