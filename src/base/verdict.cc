#include "assay/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/verdict_json.h"

namespace assay {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string text_of(const Figure::Value& value) {
  return std::visit(Overloaded{[](std::uint64_t number) { return fmt::format("{}", number); },
                               [](double number) { return fmt::format("{:.4g}", number); },
                               [](const std::string& text) { return text; }},
                    value);
}

// JSON has no infinity and no NaN.
Json finite_or_null(double number) { return std::isfinite(number) ? Json(number) : Json(nullptr); }

Json json_of(const Figure& figure) {
  Json json;
  json["value"] = std::visit(Overloaded{[](double number) { return finite_or_null(number); },
                                        [](const auto& value) { return Json(value); }},
                             figure.value);
  if (figure.bound)
    json[figure.bound->kind == Bound::Kind::kAtMost ? "at_most" : "at_least"] =
        finite_or_null(figure.bound->value);
  if (!figure.unit.empty()) json["unit"] = figure.unit;
  return json;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return "accepted";
    case Outcome::kRejected:
      return "rejected";
    case Outcome::kInconclusive:
      break;
  }
  return "inconclusive";
}

int exit_code(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return 0;
    case Outcome::kRejected:
      return 1;
    case Outcome::kInconclusive:
      break;
  }
  return 3;
}

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::kBound:
      return "bound";
    case Grade::kRecomputed:
      return "recomputed";
    case Grade::kStatistical:
      return "statistical";
    case Grade::kSelfReported:
      return "self-reported";
    case Grade::kMissing:
      break;
  }
  return "missing";
}

std::string Figure::to_string() const {
  std::string text = text_of(value);
  if (!unit.empty()) text += " " + unit;
  if (bound)
    text +=
        fmt::format(" (at {} {:.4g})", bound->kind == Bound::Kind::kAtMost ? "most" : "least", bound->value);
  return text;
}

Verdict::Verdict(Outcome outcome, std::string step, std::string reason)
    : outcome_(outcome), step_(std::move(step)), reason_(std::move(reason)) {}

Verdict Verdict::accepted() { return {Outcome::kAccepted, {}, {}}; }

Verdict Verdict::rejected(std::string step, std::string reason) {
  return {Outcome::kRejected, std::move(step), std::move(reason)};
}

Verdict Verdict::inconclusive(std::string step, std::string reason) {
  return {Outcome::kInconclusive, std::move(step), std::move(reason)};
}

const Figure* Verdict::figure(std::string_view name) const {
  const auto found = std::ranges::find(figures_, name, &Figure::name);
  return found == figures_.end() ? nullptr : &*found;
}

Verdict& Verdict::add_part(std::string name, Verdict verdict) {
  parts_.push_back({std::move(name), std::move(verdict)});
  return *this;
}

std::vector<std::string> to_lines(const Verdict& verdict) {
  std::string first(to_string(verdict.outcome()));
  if (!verdict.ok()) {
    first += fmt::format(" at step {}", verdict.step());
    if (verdict.item()) first += fmt::format(", item {}", *verdict.item());
    first += ": " + verdict.reason();
  }
  std::vector<std::string> lines = {std::move(first)};
  for (const Figure& figure : verdict.figures())
    lines.push_back(fmt::format("  {}: {}", figure.name, figure.to_string()));
  if (verdict.miss_bound())
    lines.push_back(fmt::format("  missed with probability at most: {:.3g}", *verdict.miss_bound()));
  for (const std::string& text : verdict.assumptions()) lines.push_back("  assumed: " + text);
  for (const std::string& note : verdict.notes()) lines.push_back("  note: " + note);
  for (const Verdict::Part& part : verdict.parts()) {
    std::vector<std::string> inner = to_lines(part.verdict);
    inner.front() = part.name + ": " + inner.front();
    for (const std::string& line : inner) lines.push_back("  " + line);
  }
  for (std::string& line : lines) line = printable(line);
  return lines;
}

Json json_of(const Verdict& verdict) {
  Json json;
  json["verdict"] = to_string(verdict.outcome());
  json["step"] = verdict.ok() ? Json(nullptr) : Json(verdict.step());
  json["reason"] = verdict.ok() ? Json(nullptr) : Json(verdict.reason());
  json["item"] = verdict.item() ? Json(*verdict.item()) : Json(nullptr);
  json["checks"] = Json::array();
  for (const Verdict::Check& check : verdict.checks())
    json["checks"].push_back({{"step", check.step}, {"grade", to_string(check.grade)}});
  json["figures"] = Json::object();
  for (const Figure& figure : verdict.figures()) json["figures"][figure.name] = json_of(figure);
  json["assumptions"] = verdict.assumptions();
  json["miss_bound"] = verdict.miss_bound() ? finite_or_null(*verdict.miss_bound()) : Json(nullptr);
  json["notes"] = verdict.notes();
  json["parts"] = Json::array();
  for (const Verdict::Part& part : verdict.parts()) {
    Json inner = {{"name", part.name}};
    inner.update(json_of(part.verdict));
    json["parts"].push_back(std::move(inner));
  }
  return json;
}

std::string to_json(const Verdict& verdict) { return dump_json(json_of(verdict), -1); }

}  // namespace assay
