#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "probe/logistic.h"
#include "probe/parts.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using testing::HasSubstr;

/// Features with a signal in the first column, and labels.
struct Sample {
  std::vector<double> features;
  std::vector<bool> labels;
};

Sample sample(std::size_t rows, std::size_t columns, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Sample out;
  for (std::size_t i = 0; i < rows; ++i) {
    out.labels.push_back(normal(generator) > 0);
    for (std::size_t j = 0; j < columns; ++j)
      out.features.push_back(normal(generator) + (j == 0 && out.labels.back() ? 1 : 0) + (j == 1 ? 3 : 0));
  }
  return out;
}

/// The gradient of the loss at a fit, as its definition says it.
double gradient_size(const Sample& sample, std::size_t columns, double lambda, const Fit& fit) {
  std::vector<double> gradient(columns + 1);
  const auto count = static_cast<double>(sample.labels.size());
  for (std::size_t i = 0; i < sample.labels.size(); ++i) {
    double f = fit.intercept;
    for (std::size_t j = 0; j < columns; ++j) f += fit.beta[j] * sample.features[i * columns + j];
    const double residual = 1 / (1 + std::exp(-f)) - (sample.labels[i] ? 1 : 0);
    for (std::size_t j = 0; j < columns; ++j)
      gradient[j] += residual * sample.features[i * columns + j] / count;
    gradient[columns] += residual / count;
  }
  for (std::size_t j = 0; j < columns; ++j) gradient[j] += lambda * fit.beta[j];
  double size = 0;
  for (const double each : gradient) size = std::max(size, std::fabs(each));
  return size;
}

TEST(ProbeTraining, TheGradientVanishesAtTheFit) {
  for (const auto& [rows, columns] :
       {std::pair<std::size_t, std::size_t>(200, 6), {40, 90}, {7, 1}, {6, 7}}) {
    const Sample given = sample(rows, columns, 2);
    for (const double lambda : {1e-6, 1e-3, 1.0}) {
      const Fit fit = fit_logistic(given.features, columns, given.labels, lambda).value();
      EXPECT_LT(gradient_size(given, columns, lambda, fit), 1e-10) << rows << " " << columns << " " << lambda;
    }
  }
}

TEST(ProbeTraining, BothWaysToTheFitAgree) {
  const Sample given = sample(30, 20, 4);
  internal::RowNumbers all(30);
  for (std::uint32_t i = 0; i < 30; ++i) all[i] = i;
  const auto columns = internal::Design::make(given.features, 20, 20).value();
  const auto span = internal::Design::make(given.features, 20, 19).value();
  ASSERT_FALSE(columns.in_span());
  ASSERT_TRUE(span.in_span());
  const auto a = columns.fit(all, given.labels, 1e-2).value();
  const auto b = span.fit(all, given.labels, 1e-2).value();
  EXPECT_NEAR(a.intercept, b.intercept, 1e-9);
  EXPECT_NEAR(a.loss, b.loss, 1e-12);
  EXPECT_THAT(span.beta(b), testing::Pointwise(testing::DoubleNear(1e-9), columns.beta(a)));
  EXPECT_THAT(span.scores(b, all), testing::Pointwise(testing::DoubleNear(1e-9), columns.scores(a, all)));
}

TEST(ProbeTraining, RefusesWhatHasNoFit) {
  const std::vector<double> features = {1, 2};
  EXPECT_EQ(fit_logistic(features, 1, {true, true}, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(fit_logistic(features, 1, {true, false}, 0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(fit_logistic(features, 3, {true, false}, 1).error().code, ErrorCode::kMismatch);
  const std::vector<double> infinite = {1, INFINITY};
  EXPECT_EQ(fit_logistic(infinite, 1, {true, false}, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(fit_logistic({}, 1, {}, 1).error().reason, "0 values for 0 labels and 1 columns");
  EXPECT_EQ(fit_logistic(features, 1, {true, false}, INFINITY).error().place, "lambda");
  // Rows that are all alike, and next to no penalty: whether rounding leaves the equations of a step a
  // solution differs by machine. What is found is a number in any case.
  for (const auto& [value, count, lambda] :
       {std::tuple(1.0, 4, 1e-20), {1.0, 1000, 1e-12}, {0.7, 7, 1e-16}}) {
    std::vector<bool> labels(static_cast<std::size_t>(count), true);
    labels[0] = false;
    const Result<Fit> fit = fit_logistic(std::vector<double>(labels.size(), value), 1, labels, lambda);
    if (fit.ok()) {
      EXPECT_TRUE(std::isfinite(fit->beta[0]) && std::isfinite(fit->intercept) && std::isfinite(fit->loss));
    } else {
      EXPECT_EQ(fit.error().reason, "no step reduces the loss: are the rows all alike?");
    }
  }
}

TEST(ProbeTraining, AurocCountsPairs) {
  std::mt19937 generator(3);
  for (int run = 0; run < 20; ++run) {
    std::vector<double> scores;
    std::vector<bool> labels;
    for (int i = 0; i < 40; ++i) {
      scores.push_back(static_cast<double>(generator() % 12));
      labels.push_back(generator() % 3 == 0);
    }
    double won = 0;
    double pairs = 0;
    for (std::size_t i = 0; i < 40; ++i)
      for (std::size_t j = 0; j < 40; ++j)
        if (labels[i] && !labels[j]) {
          pairs += 1;
          won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        }
    EXPECT_DOUBLE_EQ(auroc(scores, labels), pairs == 0 ? 0.5 : won / pairs);
  }
  const std::vector<double> one = {1};
  EXPECT_EQ(auroc(one, {true}), 0.5);
}

TEST(ProbeTraining, NoGroupIsSplit) {
  const test::World world = test::world(50);
  Examples examples = test::examples(world);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<Part> parts = split_groups(examples, seed);
    ASSERT_EQ(parts.size(), examples.group_names.size());
    std::map<Part, int> counts;
    for (const Part part : parts) ++counts[part];
    EXPECT_EQ(counts[Part::kTraining], 30);
    EXPECT_EQ(counts[Part::kCalibration], 10);
    EXPECT_EQ(counts[Part::kTest], 10);
    const std::vector<std::size_t> folds = internal::folds_of(examples, parts, seed);
    for (std::size_t g = 0; g < folds.size(); ++g) EXPECT_EQ(folds[g] == 5, parts[g] != Part::kTraining);
  }
  EXPECT_NE(split_groups(examples, 1), split_groups(examples, 2));
}

// Groups of both labels, of zeros and of ones are shared out each for themselves.
TEST(ProbeTraining, EachKindOfGroupIsSplitInTheSameShares) {
  const test::World world = test::world(100);
  Examples examples = test::examples(world);
  examples.group_names.resize(50);
  for (std::uint32_t i = 100; i < examples.size(); ++i) {
    examples.groups[i] = static_cast<std::uint32_t>(examples.group_names.size());
    examples.group_names.push_back(fmt::format("own {}", i));
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<Part> parts = split_groups(examples, seed);
    std::map<std::pair<int, Part>, int> counts;  // 50 pairs, then a zero and a one by turns
    for (std::size_t g = 0; g < parts.size(); ++g) ++counts[{g < 50 ? 2 : static_cast<int>(g % 2), parts[g]}];
    for (const int kind : {0, 1, 2}) {
      EXPECT_EQ((counts[{kind, Part::kTraining}]), 30) << seed;
      EXPECT_EQ((counts[{kind, Part::kCalibration}]), 10) << seed;
      EXPECT_EQ((counts[{kind, Part::kTest}]), 10) << seed;
    }
  }
}

// Rows that are the same for both labels: no fit is better than none, whatever the penalty.
TEST(ProbeTraining, OfPenaltiesThatAreAsGoodTheLargestIsTaken) {
  const test::World world = test::world(50);
  Examples examples = test::examples(world);
  std::vector<double> features;
  for (std::size_t i = 0; i < examples.size(); ++i)
    for (std::size_t j = 0; j < test::kWidth; ++j)
      features.push_back(examples.rows[i / 2 * 2 * test::kWidth + j]);
  const std::vector<Part> parts = split_groups(examples, 1);
  const auto design = internal::Design::make(std::move(features), test::kWidth, 60).value();
  const internal::Searched found = internal::search_lambda(design, examples, parts, 1).value();
  EXPECT_THAT(found.fitted.values, testing::Each(0.0));
  EXPECT_EQ(found.lambda, design.mean_square(internal::rows_in(examples, parts, Part::kTraining)));
}

// Where the curvature is small a step goes far beyond the least loss, and is halved until it helps.
TEST(ProbeTraining, AFitFromFarAwayIsTheSame) {
  const Sample given = sample(40, 3, 5);
  internal::RowNumbers all(40);
  for (std::uint32_t i = 0; i < 40; ++i) all[i] = i;
  for (const std::size_t training : {40U, 2U}) {
    const auto design = internal::Design::make(given.features, 3, training).value();
    const auto near = design.fit(all, given.labels, 1e-4).value();
    internal::Coefficients far = near;
    for (double& value : far.values) value *= -20;
    far.intercept = 30;
    const auto found = design.fit(all, given.labels, 1e-4, &far).value();
    EXPECT_THAT(design.beta(found), testing::Pointwise(testing::DoubleNear(1e-7), design.beta(near)));
    EXPECT_NEAR(found.loss, near.loss, 1e-12);
  }
}

TEST(ProbeTraining, PermutationsRespectGroups) {
  const test::World world = test::world(50);
  Examples examples = test::examples(world);
  // The last ten texts become groups of one label each.
  for (std::uint32_t i = 90; i < 100; ++i) {
    examples.groups[i] = static_cast<std::uint32_t>(examples.group_names.size());
    examples.group_names.push_back("own " + std::to_string(i));
  }
  internal::RowNumbers rows;
  for (std::uint32_t i = 0; i < 100; ++i) rows.push_back(i);
  std::set<std::vector<bool>> seen;
  for (std::uint64_t k = 0; k < 20; ++k) {
    ChaCha20Stream stream(sha256({reinterpret_cast<const std::uint8_t*>(&k), 8}));
    const std::vector<bool> labels = internal::permuted_labels(examples, rows, stream);
    seen.insert(labels);
    for (std::size_t i = 0; i < 90; i += 2) EXPECT_NE(labels[i], labels[i + 1]) << "a pair has one of each";
    EXPECT_EQ(std::count(labels.begin() + 90, labels.end(), true), 5);
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST(ProbeTraining, FindsTheDirectionAndBeatsBaselinesOfNoise) {
  const test::World world = test::world(60, 2);
  const Trained made = test::trained(world, 20);
  EXPECT_GT(made.test.auroc, 0.8);
  EXPECT_LE(made.test.auroc_low, made.test.auroc);
  EXPECT_GE(made.test.auroc_high, made.test.auroc);
  EXPECT_LT(made.test.brier, 0.25);
  std::size_t largest = 0;
  for (std::size_t j = 0; j < test::kWidth; ++j)
    if (std::fabs(made.probe.covector[j]) > std::fabs(made.probe.covector[largest])) largest = j;
  EXPECT_EQ(largest, 2U);
  EXPECT_NEAR(made.test.baselines.at("permuted_mean"), 0.5, 0.2);
  EXPECT_LT(made.test.baselines.at("permutation_p"), 0.2);
  EXPECT_EQ(made.test.baselines.at("bag_of_tokens"), 1.0) << "a token of each text says its label";
  EXPECT_EQ(made.notes.size(), 2U);
  EXPECT_FALSE(geometry_mismatch(world.geometry, *test::set_of(world, made).details));
}

TEST(ProbeTraining, TooManyCountsAreNoBagOfTokens) {
  test::World world = test::world(600);
  std::uint32_t next = 0;
  for (TextRows& text : world.rows.texts) {
    text.tokens.resize(100);
    std::iota(text.tokens.begin(), text.tokens.end(), next);
    next += 100;
    text.positions = {99};
  }
  const Trained made = test::trained(world);
  EXPECT_FALSE(made.test.baselines.contains("bag_of_tokens"));
  EXPECT_THAT(made.notes,
              testing::ElementsAre("no bag of tokens: 72000 ids for 1200 examples are too many counts"));
}

TEST(ProbeTraining, RandomWeightsComeAsASecondFile) {
  const test::World world = test::world(60, 2);
  const Activations noise =
      test::activations_of(std::vector<float>(world.activations.layers[0].values.size(), 1), 120);
  std::mt19937 generator(8);
  std::normal_distribution<float> normal;
  std::vector<float> random(world.activations.layers[0].values.size());
  for (float& value : random) value = normal(generator);
  TrainingOptions options;
  options.dimension = "tense";
  options.permutations = 0;
  options.random_rows = random;
  const Trained made = train(test::examples(world), world.factor, options).value();
  EXPECT_LT(made.test.baselines.at("random_weights"), made.test.auroc);
  EXPECT_FALSE(made.test.baselines.contains("bag_of_tokens"));
  options.random_rows = std::span<const float>(random).first(8);
  EXPECT_EQ(train(test::examples(world), world.factor, options).error().code, ErrorCode::kMismatch);
}

TEST(ProbeTraining, OneResultWhateverTheThreads) {
  for (const std::uint32_t width : {8U, 150U}) {
    const test::World world = test::world(60, 2, width);
    std::vector<std::vector<double>> found;
    for (const unsigned threads : {1U, 2U, 5U}) {
      set_thread_limit(threads);
      const Geometry geometry = geometry_of(world.unembedding, true, {}).value();
      EXPECT_EQ(geometry.phi, world.geometry.phi);
      const Trained made = test::trained(world, 6);
      found.push_back(made.probe.covector);
      found.back().push_back(made.probe.platt_scale);
      for (const auto& [name, value] : made.test.baselines) found.back().push_back(value);
    }
    set_thread_limit(0);
    EXPECT_EQ(found[0], found[1]);
    EXPECT_EQ(found[0], found[2]);
  }
}

TEST(ProbeTraining, RefusesTooLittle) {
  const auto refusal = [](Examples examples) { return check_enough(examples).error(); };
  const test::World few = test::world(49);
  EXPECT_THAT(refusal(test::examples(few)).to_string(), HasSubstr("49 examples of label 0, at least 50"));
  const test::World enough = test::world(60);
  Examples one_group = examples_of(enough.activations, test::kLayer, enough.labels, nullptr).value();
  EXPECT_THAT(refusal(one_group).to_string(), HasSubstr("file of rows are one group"));
  Examples stub = test::examples(enough);
  stub.labels.assign(stub.size(), false);
  EXPECT_THAT(refusal(stub).to_string(), HasSubstr("stub"));
  EXPECT_EQ(refusal(stub).code, ErrorCode::kMismatch);
  EXPECT_EQ(check_enough(test::examples(enough))->size(), 2U);
  EXPECT_TRUE(check_enough(test::examples(test::world(200)))->empty());
  const test::World least = test::world(kMinExamples);
  Examples grouped = test::examples(least);
  for (std::size_t i = 0; i < grouped.size(); ++i)
    grouped.groups[i] = static_cast<std::uint32_t>(i / 2 % kMinGroups);
  EXPECT_TRUE(check_enough(grouped).ok()) << "as few as are needed";
  for (std::uint32_t& group : grouped.groups) group = std::min(group, 8U);
  EXPECT_THAT(refusal(grouped).reason, HasSubstr("are of 9 groups, at least 10"));
}

TEST(ProbeTraining, RefusesWhatHasNoDirection) {
  const test::World world = test::world(60);
  TrainingOptions options;
  options.dimension = "tense";
  const test::World wider = test::world(60, 2, test::kWidth + 1);
  EXPECT_EQ(train(test::examples(world), wider.factor, options).error().reason,
            fmt::format("it is {} wide, the activations are {}", test::kWidth + 1, test::kWidth));
  Examples alike = test::examples(world);
  const std::vector<float> ones(alike.rows.size(), 1);
  alike.rows = ones;
  EXPECT_EQ(train(alike, world.factor, options).error().reason, "all rows are alike");
}

TEST(ProbeTraining, ExamplesMustBeOfTheRows) {
  const test::World world = test::world(50);
  const auto code = [&](std::uint32_t layer, std::vector<bool> labels, const RowsFile* rows) {
    return examples_of(world.activations, layer, labels, rows).error().code;
  };
  EXPECT_EQ(code(4, world.labels, &world.rows), ErrorCode::kMismatch);
  std::vector<bool> labels = world.labels;
  labels[7] = !labels[7];
  EXPECT_EQ(code(3, labels, &world.rows), ErrorCode::kMismatch);
  labels.pop_back();
  EXPECT_EQ(code(3, labels, nullptr), ErrorCode::kMismatch);
  RowsFile rows = world.rows;
  rows.texts.pop_back();
  EXPECT_EQ(code(3, world.labels, &rows), ErrorCode::kMismatch);
  rows = world.rows;
  rows.model_id = "another";
  EXPECT_EQ(code(3, world.labels, &rows), ErrorCode::kMismatch);
}

TEST(ProbeTraining, AnEvaluationIsOfAsManyAsItSays) {
  Evaluation each;
  each.dimension = "tense";
  each.examples = 2;
  each.scores = {0.5, -1.5};
  each.labels = {true, false};
  each.group_of = {0, 1};
  for (int i = 0; i < 16; ++i) each.baselines[fmt::format("baseline {:02}", i)] = 0.5;
  const auto refusal = [&](const auto& change) {
    EvaluationFile file{Digest{1}, Digest{2}, Digest{3}, Digest{4}, 3, 1, "test", {each}};
    change(file.probes[0]);
    const Result<EvaluationFile> read = EvaluationFile::decode(file.encode(), "f");
    return read.ok() ? std::string("read") : read.error().reason;
  };
  EXPECT_EQ(refusal([](Evaluation&) {}), "read");
  EXPECT_EQ(refusal([](Evaluation& e) { e.baselines["one more"] = 0.5; }), "over 16 of them");
  const std::string counts = "scores, labels and group_of are not as many as examples";
  EXPECT_EQ(refusal([](Evaluation& e) { e.scores.pop_back(); }), counts);
  EXPECT_EQ(refusal([](Evaluation& e) { e.labels.pop_back(); }), counts);
  EXPECT_EQ(refusal([](Evaluation& e) { e.group_of.push_back(1); }), counts);
}

TEST(ProbeTraining, EvaluationRepeatsTheTest) {
  const test::World world = test::world(60);
  const Trained made = test::trained(world);
  const ProbeSet set = test::set_of(world, made);
  const std::vector<Evaluation> again = evaluate_set(set, test::examples(world), "test").value();
  EXPECT_EQ(again[0].auroc, made.test.auroc);
  EXPECT_EQ(again[0].auroc_low, made.test.auroc_low);
  EXPECT_EQ(again[0].scores, made.test.scores);
  EXPECT_EQ(evaluate_set(set, test::examples(world), "all")->at(0).examples, 120U);
  for (const bool label : {false, true}) {
    Examples one_class = test::examples(world);
    one_class.labels.assign(one_class.size(), label);
    EXPECT_EQ(evaluate_set(set, one_class, "all").error().reason,
              "the all part has one class alone: another --seed, or more groups");
  }
  ProbeSet original = set;
  original.details.reset();
  EXPECT_EQ(evaluate_set(original, test::examples(world), "test").error().code, ErrorCode::kMismatch);
  EXPECT_EQ(evaluate_set(original, test::examples(world), "test").error().reason,
            "the original made it: it says neither model nor covectors");
  const test::World wider = test::world(60, 2, test::kWidth + 1);
  EXPECT_EQ(evaluate_set(set, test::examples(wider), "test").error().reason,
            fmt::format("is {} wide, the activations are {}", test::kWidth, test::kWidth + 1));
  test::World strange = world;
  strange.activations.model_id = strange.rows.model_id = "test/other";
  EXPECT_EQ(evaluate_set(set, test::examples(strange), "all").error().reason,
            "is of the model 'test/model', the activations are of 'test/other'");
  strange = world;
  strange.activations.precision = Precision::kBf16;
  EXPECT_EQ(evaluate_set(set, test::examples(strange), "all").error().reason,
            "was trained on fp32, the activations are bf16");
  EvaluationFile file{Digest{1}, Digest{2}, Digest{3}, Digest{4}, 3, 1, "test", again};
  file.probes[0].baselines = {{"difference_of_means", 0.75}};
  const std::string text = file.encode();
  const EvaluationFile read = EvaluationFile::decode(text, "f").value();
  EXPECT_EQ(read.encode(), text);
  EXPECT_EQ(read.probes[0].scores, again[0].scores);
  EXPECT_FALSE(EvaluationFile::decode(text + " ", "f").ok());
  file.part = "some";
  EXPECT_FALSE(EvaluationFile::decode(file.encode(), "f").ok());
  file.part = "all";
  file.rows.reset();
  file.probes[0].labels.pop_back();
  EXPECT_EQ(EvaluationFile::decode(file.encode(), "f").error().code, ErrorCode::kMismatch);
}

TEST(ProbeTraining, PlattFindsTheScaleThatMadeTheLabels) {
  std::mt19937 generator(2);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> scores;
  std::vector<bool> labels;
  for (int i = 0; i < 20000; ++i) {
    scores.push_back(10 * normal(generator) + 5);
    labels.push_back(uniform(generator) < 1 / (1 + std::exp(-(0.3 * scores.back() - 1))));
  }
  const PlattScale found = fit_platt(scores, labels);
  EXPECT_NEAR(found.scale, 0.3, 0.02);
  EXPECT_NEAR(found.shift, -1, 0.1);
  const Evaluation evaluation =
      evaluate_scores("x", scores, labels, std::vector<std::uint32_t>(20000, 0), found, 1);
  EXPECT_LT(evaluation.ece, 0.02);
  const std::vector<double> same(4, 1.0);
  EXPECT_TRUE(std::isfinite(fit_platt(same, {true, false, true, false}).scale));
}

// No resample has both classes, so the interval excludes nothing.
TEST(ProbeTraining, OneClassHasNoInterval) {
  const Evaluation evaluation = evaluate_scores("x", {1, 2, 3}, {true, true, true}, {0, 1, 2}, {}, 1);
  EXPECT_EQ(evaluation.auroc_low, 0);
  EXPECT_EQ(evaluation.auroc_high, 1);
}

TEST(ProbeTraining, ConfidenceIsOfTheLikelierSide) {
  Probe probe;
  probe.platt_scale = 2;
  EXPECT_NEAR(probe.probability(-3), 1 / (1 + std::exp(6)), 1e-15);
  EXPECT_NEAR(probe.confidence(-3), probe.confidence(3), 1e-15);
  EXPECT_GT(probe.confidence(-3), 0.99);
}

}  // namespace
}  // namespace assay::probe
