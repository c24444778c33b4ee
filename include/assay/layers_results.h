// A selection as a file: who checks which layers, at what cost and for what value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/layers.h"
#include "assay/layers_selection.h"
#include "assay/verdict.h"

namespace assay::layers {

/// What every selection that follows from scores alone is told with.
inline constexpr std::string_view kForeseeable =
    "whoever knows the scores and the budgets knows this selection, and can cheat in the other layers: keep "
    "them "
    "secret, or draw selections";

/// What one verifier checks.
struct Assignment {
  struct Layer {
    std::uint64_t index = 0;
    std::string name;
    double value = 0;
    std::uint64_t cost = 0;
    friend bool operator==(const Layer&, const Layer&) = default;
  };

  std::int64_t start_layer = -1;  ///< -1 and -1: none
  std::int64_t end_layer = -1;    ///< inclusive
  double budget = 0;              ///< of ours floored
  std::uint64_t cost = 0;
  double benefit = 0;
  std::vector<Layer> layers;  ///< from start_layer to end_layer
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// What the original pipeline's file does not say: the object "assay" of the file.
struct SelectionOrigin {
  Order order = Order::kFree;
  double upper_bound = 0;         ///< no selection in any order is worth more
  bool proven_optimal = false;    ///< none is worth more than this one
  double fixed_order_value = 0;   ///< the most that the given order of the verifiers allows
  std::optional<Digest> weights;  ///< as in the scores
  /// For each assignment, the blocks that its layers lie in.
  std::vector<std::vector<std::uint64_t>> blocks;
  /// For each assignment, the names of the captured tensors around those blocks: what enters the first of
  /// them and what each hands on, as docs/capture.md names them.
  std::vector<std::vector<std::string>> tensors;
  std::vector<std::string> notes;
  friend bool operator==(const SelectionOrigin&, const SelectionOrigin&) = default;
};

/// The results file of the original pipeline, with one more object. What it says is read as it stands, so
/// that check_selection can say what is wrong with it.
struct SelectionResult {
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;

  std::string scores_file;
  std::string model_name;
  std::uint64_t num_layers = 0;
  double optimal_benefit = 0;   ///< what the solver says
  double computed_benefit = 0;  ///< the sum over the runs
  bool is_valid = false;
  std::uint64_t total_cost = 0;
  double total_benefit = 0;
  std::vector<Assignment> assignments;  ///< by verifier
  std::optional<SelectionOrigin> assay;

  /// The result of a selection from these scores.
  static SelectionResult of(const Scores& scores, const SelectionProblem& problem, const Selection& selection,
                            std::string scores_file);

  [[nodiscard]] std::string encode(bool pretty = true) const;
  /// Every field once, and no other; the object "assay" may be missing. Costs of the original are numbers
  /// with a fraction of 0. Errors: kMalformed, kOutOfRange, kMismatch (counts that do not agree), kTooLarge,
  /// kUnsupported (another version of "assay").
  static Result<SelectionResult> decode(std::string_view text, std::string_view place);
  static Result<SelectionResult> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path, bool pretty = true) const;

  friend bool operator==(const SelectionResult&, const SelectionResult&) = default;
};

/// Whether a result is a selection from these scores: runs within the layers, disjoint, within their budgets,
/// and sums that are right. Benefits may differ from the exact ones by 1e-9 of what all layers are worth, as
/// sums of doubles do. `budgets` are those that the verifiers have, where they are known.
///
/// Of "assay", where it is there: blocks, tensors, weights and fixed_order_value are those that follow from
/// scores and runs. Nothing is searched: the upper bound is not below what the runs, or the selections in the
/// orders fixed and greedy, are worth; a result of these two is worth what they find, and one of the order
/// free no less than both. Grades and notes say what that leaves open. notes and scores_file are texts for
/// people, and not checked.
///
/// It rejects at one of the steps "budgets", "run", "overlap", "budget", "layers", "cost", "benefit",
/// "total", "blocks", "tensors", "weights", "bound", "fixed order", "order"; the item is the verifier,
/// counted from 0. Errors: kMismatch (scores of another model), and those of SelectionProblem::make() with
/// the scores and, where "assay" is there, the result's budgets.
[[nodiscard]] Result<Verdict> check_selection(const SelectionResult& result, const Scores& scores,
                                              const std::optional<std::vector<double>>& budgets = {});

}  // namespace assay::layers
