// The answer of a verifier, in the one form that every door prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace assay {

enum class Outcome : std::uint8_t { kAccepted, kRejected, kInconclusive };

/// "accepted", "rejected" or "inconclusive".
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// What a program ends with: 0 accepted, 1 rejected, 3 inconclusive. (2 is for input that could not be used.)
[[nodiscard]] int exit_code(Outcome outcome);

/// What a check that passed is worth.
enum class Grade : std::uint8_t {
  kBound,         ///< follows from a commitment, a signature or an equation that cannot be met otherwise
  kRecomputed,    ///< the verifier computed the same itself
  kStatistical,   ///< holds but for a stated probability
  kSelfReported,  ///< the other side says so
  kMissing,       ///< was not asked: the verifier gave nothing to hold against
};

/// "bound", "recomputed", "statistical", "self-reported", "missing".
[[nodiscard]] std::string_view to_string(Grade grade);

/// A bound that a number is held against.
struct Bound {
  enum class Kind : std::uint8_t { kAtMost, kAtLeast };
  Kind kind = Kind::kAtMost;
  double value = 0;
  friend bool operator==(const Bound&, const Bound&) = default;
};

/// A number or a text that a verdict states.
struct Figure {
  using Value = std::variant<std::uint64_t, double, std::string>;

  std::string name;
  Value value;
  std::optional<Bound> bound = std::nullopt;
  std::string unit = {};  ///< "" for a bare number or a text

  /// "31.25 (at most 38)": the value in four digits where it is no integer, unit and bound.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Figure&, const Figure&) = default;
};

/// The answer of a verifier: a value, never an error.
///
/// A rejection names the step that failed and, where it is about one of many, the item. Notes say what the
/// verdict did not check; they do not change the outcome. Assumptions say what it rests on.
class [[nodiscard]] Verdict {
 public:
  struct Check {
    std::string step;
    Grade grade;
    friend bool operator==(const Check&, const Check&) = default;
  };
  struct Part;

  static Verdict accepted();
  static Verdict rejected(std::string step, std::string reason);
  static Verdict inconclusive(std::string step, std::string reason);

  /// True only when accepted.
  [[nodiscard]] bool ok() const { return outcome_ == Outcome::kAccepted; }
  [[nodiscard]] Outcome outcome() const { return outcome_; }
  [[nodiscard]] const std::string& step() const { return step_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// Which of the things that were asked about failed, counted from 0.
  [[nodiscard]] std::optional<std::uint64_t> item() const { return item_; }
  /// The checks that passed, and those that could not be asked, in the order of the questions.
  [[nodiscard]] const std::vector<Check>& checks() const { return checks_; }
  [[nodiscard]] const std::vector<Figure>& figures() const { return figures_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<std::string>& assumptions() const { return assumptions_; }
  /// The probability at most with which a statistical check misses what it is to find.
  [[nodiscard]] std::optional<double> miss_bound() const { return miss_bound_; }
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

  /// The figure of this name, or nullptr.
  [[nodiscard]] const Figure* figure(std::string_view name) const;

  Verdict& at_item(std::uint64_t item) { return item_ = item, *this; }
  Verdict& add_check(std::string step, Grade grade) {
    return checks_.push_back({std::move(step), grade}), *this;
  }
  Verdict& add_figure(Figure figure) { return figures_.push_back(std::move(figure)), *this; }
  Verdict& add_figure(std::string name, Figure::Value value) {
    return add_figure(Figure{std::move(name), std::move(value)});
  }
  Verdict& add_note(std::string note) { return notes_.push_back(std::move(note)), *this; }
  Verdict& add_assumption(std::string text) { return assumptions_.push_back(std::move(text)), *this; }
  Verdict& set_miss_bound(double probability) { return miss_bound_ = probability, *this; }
  Verdict& add_part(std::string name, Verdict verdict);

 private:
  Verdict(Outcome outcome, std::string step, std::string reason);

  Outcome outcome_;
  std::string step_;
  std::string reason_;
  std::optional<std::uint64_t> item_;
  std::vector<Check> checks_;
  std::vector<Figure> figures_;
  std::vector<std::string> notes_;
  std::vector<std::string> assumptions_;
  std::optional<double> miss_bound_;
  std::vector<Part> parts_;
};

/// A verdict within a verdict.
struct Verdict::Part {
  std::string name;
  Verdict verdict;
};

/// The lines that people read: the outcome with step and reason, then figures, assumptions and notes, each
/// indented by two.
[[nodiscard]] std::vector<std::string> to_lines(const Verdict& verdict);

/// The one JSON object of a verdict, on one line. docs/base.md lists its fields.
[[nodiscard]] std::string to_json(const Verdict& verdict);

}  // namespace assay
