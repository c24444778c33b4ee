// What a probe is compared with, on the same parts.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "base/threads.h"
#include "base/try.h"
#include "probe/gram_sum.h"
#include "probe/parts.h"
#include "probe/streams.h"

namespace assay::probe::internal {
namespace {

/// Counts of ids are kept for all examples at once.
constexpr std::size_t kMaxCounts = std::size_t{1} << 26;

double auroc_on(const Examples& examples, const RowNumbers& rows, std::span<const double> scores) {
  std::vector<bool> labels;
  for (const std::uint32_t i : rows) labels.push_back(examples.labels[i]);
  return auroc(scores, labels);
}

double difference_of_means(const Examples& examples, const RowNumbers& training, const RowNumbers& test) {
  RowNumbers of_label[2];
  for (const std::uint32_t i : training) of_label[examples.labels[i] ? 1 : 0].push_back(i);
  const std::vector<double> zeros = mean_of_rows(examples.rows, examples.width, of_label[0]);
  std::vector<double> direction = mean_of_rows(examples.rows, examples.width, of_label[1]);
  for (std::size_t j = 0; j < direction.size(); ++j) direction[j] -= zeros[j];
  std::vector<double> scores;
  for (const std::uint32_t i : test) {
    double score = 0;
    for (std::size_t j = 0; j < direction.size(); ++j)
      score += direction[j] * double{examples.rows[std::size_t{i} * examples.width + j]};
    scores.push_back(score);
  }
  return auroc_on(examples, test, scores);
}

/// For each row the ids that the model had seen there: up to its position, or the whole text.
std::vector<std::span<const std::uint32_t>> contexts_of(const RowsFile& rows) {
  std::vector<std::span<const std::uint32_t>> contexts;
  for (const TextRows& text : rows.texts) {
    if (rows.rule == "mean") {
      contexts.emplace_back(text.tokens);
      continue;
    }
    for (const std::uint32_t position : text.positions)
      contexts.push_back(std::span(text.tokens).first(std::size_t{position} + 1));
  }
  return contexts;
}

/// Counts of the ids that occur in training. Nothing where they take too much memory.
std::vector<double> counts_of(const RowsFile& rows, const RowNumbers& training, std::size_t& columns) {
  const auto contexts = contexts_of(rows);
  std::map<std::uint32_t, std::size_t> column_of;
  for (const std::uint32_t i : training)
    for (const std::uint32_t id : contexts[i]) column_of.emplace(id, 0);
  columns = 0;
  for (auto& [id, column] : column_of) column = columns++;
  if (columns * contexts.size() > kMaxCounts) return {};
  std::vector<double> counts(columns * contexts.size());
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    for (const std::uint32_t id : contexts[i])
      if (const auto at = column_of.find(id); at != column_of.end()) counts[i * columns + at->second] += 1;
  }
  return counts;
}

Result<double> searched_auroc(const Design& design, const Examples& examples, const std::vector<Part>& parts,
                              const RowNumbers& test, std::uint64_t seed) {
  const Searched found = ASSAY_TRY(search_lambda(design, examples, parts, seed));
  return auroc_on(examples, test, design.scores(found.fitted, test));
}

/// AUROCs of fits on permuted training labels, ascending.
Result<std::vector<double>> permuted_aurocs(const Examples& examples, const Design& design, double lambda,
                                            const RowNumbers& training, const RowNumbers& test,
                                            std::uint64_t seed, std::size_t permutations) {
  std::vector<Result<double>> found(permutations, Result<double>(0.0));
  Progress progress("permutations", permutations);
  const auto one = [&](std::size_t k) -> Result<double> {
    ChaCha20Stream stream = stream_of("assay/probe/permutation/v1", seed, k);
    const std::vector<bool> labels = permuted_labels(examples, training, stream);
    const Coefficients fitted = ASSAY_TRY(design.fit(training, labels, lambda));
    return auroc_on(examples, test, design.scores(fitted, test));
  };
  const auto work = [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      found[k] = one(k);
      progress.advance();
    }
  };
  // Fits in the span are small: one on each thread. The others share all threads, one after the other.
  if (design.in_span()) {
    parallel_for(0, permutations, 1, work);
  } else {
    work(0, permutations);
  }
  std::vector<double> aurocs;
  aurocs.reserve(permutations);
  for (Result<double>& each : found) aurocs.push_back(ASSAY_TRY(std::move(each)));
  std::ranges::sort(aurocs);
  return aurocs;
}

}  // namespace

Result<std::map<std::string, double>> baselines_of(const Examples& examples, const Factor& factor,
                                                   const std::vector<Part>& parts, const Design& design,
                                                   double lambda, double reached,
                                                   const TrainingOptions& options,
                                                   std::vector<std::string>& notes) {
  const RowNumbers training = rows_in(examples, parts, Part::kTraining);
  const RowNumbers test = rows_in(examples, parts, Part::kTest);
  std::map<std::string, double> out;
  out["difference_of_means"] = difference_of_means(examples, training, test);
  if (options.rows != nullptr) {
    std::size_t columns = 0;
    std::vector<double> counts = counts_of(*options.rows, training, columns);
    if (counts.empty()) {
      notes.push_back(fmt::format("no bag of tokens: {} ids for {} examples are too many counts", columns,
                                  examples.size()));
    } else {
      const Design bag = ASSAY_TRY(Design::make(std::move(counts), columns, training.size()));
      out["bag_of_tokens"] = ASSAY_TRY(searched_auroc(bag, examples, parts, test, options.seed));
    }
  }
  if (options.random_rows) {
    const std::vector<double> center = mean_of_rows(*options.random_rows, examples.width, training);
    std::vector<double> features = ASSAY_TRY(transformed(*options.random_rows, center, factor));
    const Design random = ASSAY_TRY(Design::make(std::move(features), examples.width, training.size()));
    out["random_weights"] = ASSAY_TRY(searched_auroc(random, examples, parts, test, options.seed));
  }
  if (options.permutations > 0) {
    const std::vector<double> aurocs = ASSAY_TRY(
        permuted_aurocs(examples, design, lambda, training, test, options.seed, options.permutations));
    const auto count = static_cast<double>(aurocs.size());
    out["permuted_mean"] = std::accumulate(aurocs.begin(), aurocs.end(), 0.0) / count;
    out["permuted_95"] = aurocs[(aurocs.size() - 1) * 95 / 100];
    const auto reaching = std::ranges::count_if(aurocs, [&](double each) { return each >= reached; });
    out["permutation_p"] = (1 + static_cast<double>(reaching)) / (1 + count);
  }
  return out;
}

}  // namespace assay::probe::internal
