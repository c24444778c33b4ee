// Verdicts and their figures as Python sees them.
#include "assay/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <variant>

#include "values.h"

namespace assay::python {
namespace {

std::optional<double> bound_of(const Figure& figure, Bound::Kind kind) {
  if (!figure.bound || figure.bound->kind != kind) return std::nullopt;
  return figure.bound->value;
}

/// Name, value, "at_most" or "at_least" or "", the bound, unit.
using FigureState = std::tuple<std::string, Figure::Value, std::string, double, std::string>;

FigureState state_of(const Figure& figure) {
  if (!figure.bound) return {figure.name, figure.value, "", 0, figure.unit};
  const bool most = figure.bound->kind == Bound::Kind::kAtMost;
  return {figure.name, figure.value, most ? "at_most" : "at_least", figure.bound->value, figure.unit};
}

Figure figure_of(const FigureState& state) {
  const auto& [name, value, kind, bound, unit] = state;
  Figure figure{name, value, std::nullopt, unit};
  if (!kind.empty())
    figure.bound = Bound{kind == "at_most" ? Bound::Kind::kAtMost : Bound::Kind::kAtLeast, bound};
  return figure;
}

/// Outcome, step, reason, item, checks with the numbers of their grades, figures, notes, assumptions, miss
/// bound, parts.
using VerdictState = std::tuple<std::string, std::string, std::string, std::optional<std::uint64_t>,
                                std::vector<std::pair<std::string, unsigned>>, std::vector<FigureState>,
                                std::vector<std::string>, std::vector<std::string>, std::optional<double>,
                                std::vector<std::pair<std::string, Verdict>>>;

VerdictState state_of(const Verdict& verdict) {
  std::vector<std::pair<std::string, unsigned>> checks;
  for (const Verdict::Check& check : verdict.checks())
    checks.emplace_back(check.step, static_cast<unsigned>(check.grade));
  std::vector<FigureState> figures;
  for (const Figure& figure : verdict.figures()) figures.push_back(state_of(figure));
  std::vector<std::pair<std::string, Verdict>> parts;
  for (const Verdict::Part& part : verdict.parts()) parts.emplace_back(part.name, part.verdict);
  return {std::string(to_string(verdict.outcome())),
          verdict.step(),
          verdict.reason(),
          verdict.item(),
          std::move(checks),
          std::move(figures),
          verdict.notes(),
          verdict.assumptions(),
          verdict.miss_bound(),
          std::move(parts)};
}

Verdict verdict_of(const VerdictState& state) {
  const auto& [outcome, step, reason, item, checks, figures, notes, assumptions, miss_bound, parts] = state;
  Verdict verdict = outcome == to_string(Outcome::kAccepted)   ? Verdict::accepted()
                    : outcome == to_string(Outcome::kRejected) ? Verdict::rejected(step, reason)
                                                               : Verdict::inconclusive(step, reason);
  if (item) verdict.at_item(*item);
  for (const auto& [name, grade] : checks) verdict.add_check(name, static_cast<Grade>(grade));
  for (const FigureState& figure : figures) verdict.add_figure(figure_of(figure));
  for (const std::string& note : notes) verdict.add_note(note);
  for (const std::string& assumption : assumptions) verdict.add_assumption(assumption);
  if (miss_bound) verdict.set_miss_bound(*miss_bound);
  for (const auto& [name, part] : parts) verdict.add_part(name, part);
  return verdict;
}

/// A table of what the lines say: names that they begin with beside the rest.
nb::object html_of(const Verdict& verdict) {
  return nb::module_::import_("assay.html").attr("of_lines")("Verdict", to_lines(verdict));
}

Verdict with_check(Verdict verdict, std::string step, const std::string& grade) {
  for (const Grade one :
       {Grade::kBound, Grade::kRecomputed, Grade::kStatistical, Grade::kSelfReported, Grade::kMissing})
    if (grade == to_string(one)) return verdict.add_check(std::move(step), one);
  throw Failure{Error{ErrorCode::kMalformed, "grade", "none of those that checks have"}};
}

}  // namespace

void bind_verdict(nb::module_& m) {
  nb::class_<Figure> figure(m, "Figure",
                            "A number or a text that a verdict states; `str` gives it with unit and bound.");
  bind_equality(figure);
  bind_state<FigureState>(figure, state_of, figure_of);
  figure.def_ro("name", &Figure::name)
      .def_ro("value", &Figure::value, "An int, a float or a str.")
      .def_prop_ro(
          "at_most", [](const Figure& f) { return bound_of(f, Bound::Kind::kAtMost); },
          "The bound that the value may not exceed, if it has one.")
      .def_prop_ro(
          "at_least", [](const Figure& f) { return bound_of(f, Bound::Kind::kAtLeast); },
          "The bound that the value must reach, if it has one.")
      .def_ro("unit", &Figure::unit, "Empty for a bare number or a text.")
      .def("__str__", [](const Figure& f) { return printable(f.to_string()); })
      .def("__repr__",
           [](const Figure& f) { return printable("Figure(" + f.name + ": " + f.to_string() + ")"); });

  nb::class_<Verdict> verdict(m, "Verdict", R"(The answer of a verifier: a value, never an exception.

True in a condition only when the outcome is "accepted".)");
  // The JSON has every field.
  verdict.def(
      "__eq__", [](const Verdict& a, const Verdict& b) { return to_json(a) == to_json(b); },
      nb::is_operator(), nb::sig("def __eq__(self, arg: object, /) -> bool"));
  bind_state<VerdictState>(verdict, state_of, verdict_of);
  verdict.def("__hash__", [](const Verdict& v) { return std::hash<std::string>()(to_json(v)); })
      .def("_repr_html_", &html_of)
      .def_static("accepted", &Verdict::accepted)
      .def_static("rejected", &Verdict::rejected, nb::arg("step"), nb::arg("reason"))
      .def_static("inconclusive", &Verdict::inconclusive, nb::arg("step"), nb::arg("reason"))
      .def("with_check", &with_check, nb::arg("step"), nb::arg("grade"),
           "The same, which lists a further step with its grade; see `checks`.")
      .def(
          "with_note", [](Verdict v, std::string note) { return v.add_note(std::move(note)); },
          nb::arg("note"), "The same, with a further note.")
      .def("__bool__", &Verdict::ok)
      .def_prop_ro(
          "outcome", [](const Verdict& v) { return to_string(v.outcome()); },
          R"("accepted", "rejected" or "inconclusive".)")
      .def_prop_ro("step", &Verdict::step, "The step that failed; empty when accepted.")
      .def_prop_ro("reason", &Verdict::reason, "Why it failed, in one clause; empty when accepted.")
      .def_prop_ro("item", &Verdict::item, "Which of many things failed, counted from 0, if it is about one.")
      .def_prop_ro(
          "checks",
          [](const Verdict& v) {
            nb::typed<nb::list, nb::typed<nb::tuple, std::string, std::string>> checks;
            for (const Verdict::Check& check : v.checks())
              checks.append(nb::make_tuple(check.step, to_string(check.grade)));
            return checks;
          },
          R"(Steps that passed or could not be asked, each with its grade: "bound", "recomputed",
"statistical", "self-reported" or "missing".)")
      .def_prop_ro(
          "figures",
          [](const Verdict& v) {
            nb::typed<nb::dict, std::string, Figure> figures;
            for (const Figure& each : v.figures()) figures[each.name.c_str()] = each;
            return figures;
          },
          "The numbers of the step, by name.")
      .def_prop_ro("notes", &Verdict::notes, "What the verdict did not check.")
      .def_prop_ro("assumptions", &Verdict::assumptions, "What the verdict rests on.")
      .def_prop_ro("miss_bound", &Verdict::miss_bound,
                   "The probability at most with which a statistical check misses what it is to find.")
      .def_prop_ro(
          "parts",
          [](const Verdict& v) {
            nb::typed<nb::list, nb::typed<nb::tuple, std::string, Verdict>> parts;
            for (const Verdict::Part& part : v.parts()) parts.append(nb::make_tuple(part.name, part.verdict));
            return parts;
          },
          "Verdicts on parts, with their names.")
      .def_prop_ro(
          "exit_code", [](const Verdict& v) { return exit_code(v.outcome()); },
          "What a program ends with: 0 accepted, 1 rejected, 3 inconclusive.")
      .def_prop_ro("lines", &to_lines, "The lines that people read.")
      .def("to_json", &to_json, "The verdict as one JSON object, the form that every door prints.")
      .def("__repr__",
           [](const Verdict& v) { return fmt::format("Verdict({})", fmt::join(to_lines(v), "\n")); });
}

}  // namespace assay::python
