#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <vector>

#include "assay/profile.h"
#include "base/utf8.h"

namespace assay::profile {
namespace {

/// Whether `one` is among those that `list` has, with commas between.
bool lists(std::string_view list, std::string_view one) {
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    item = item.substr(0, item.find_last_not_of(' ') + 1);
    if (item == one) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

/// One condition as it was measured and as it is here.
struct Pair {
  const char* name;
  const std::string& measured;
  const std::string& here;
  bool several;  // the measured text may list several

  [[nodiscard]] bool differs() const {
    if (measured.empty() || here.empty() || measured == here) return false;
    return !several || !lists(measured, here);
  }
  [[nodiscard]] bool is_open() const { return !measured.empty() && here.empty(); }
};

std::vector<Pair> pairs_of(const Conditions& measured, const Conditions& here) {
  return {{"model", measured.model, here.model, false},
          {"dtype", measured.dtype, here.dtype, false},
          {"attention", measured.kernel, here.kernel, true}};
}

Status out_of_range(const char* field, std::string reason) {
  return Error{ErrorCode::kOutOfRange, field, std::move(reason)};
}

}  // namespace

Status Measurement::validate() const {
  for (const auto& [field, text] : {std::pair("name", &name),
                                    {"model", &conditions.model},
                                    {"dtype", &conditions.dtype},
                                    {"kernel", &conditions.kernel}}) {
    if (text->size() > kMaxText)
      return out_of_range(field, fmt::format("{} bytes, at most {} are taken", text->size(), kMaxText));
    if (!is_valid_utf8(*text)) return out_of_range(field, "it is not UTF-8");
    // What a file calls itself stands in lines that people read.
    if (std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      return out_of_range(field, "it has control characters: one line of text is taken");
  }
  const double bound = false_alarm_bound.value_or(0);
  if (!(bound >= 0 && bound <= 1))
    return out_of_range("false_alarm_bound", fmt::format("{} is not in 0 to 1", bound));
  return {};
}

std::string Measurement::title() const {
  return source.empty() ? name : fmt::format("{} ({})", name, source);
}

std::string unmeasured(const Measurement& measured, const Conditions& here) {
  std::vector<std::string> others;
  for (const Pair& pair : pairs_of(measured.conditions, here)) {
    if (pair.differs())
      others.push_back(fmt::format("{} '{}', here it is '{}'", pair.name, pair.measured, pair.here));
  }
  if (others.empty()) return {};
  return fmt::format("the profile '{}' is of {}: its false-alarm rate was not measured for this",
                     measured.title(), fmt::join(others, ", and of "));
}

void add_basis(Verdict& verdict, const Measurement& measured, const Conditions& here,
               std::string_view counted) {
  std::string basis = fmt::format("honest runs stay within the bounds of the profile '{}'", measured.title());
  std::string others = unmeasured(measured, here);
  if (!others.empty()) {
    verdict.add_note(std::move(others));
  } else if (measured.false_alarm_bound) {
    basis +=
        fmt::format(": with {:.0f} % confidence, one is rejected with probability at most {:.3g} (from {})",
                    100 * kConfidence, *measured.false_alarm_bound, counted);
  } else {
    basis += "; its false-alarm rate was not measured";
  }
  verdict.add_assumption(std::move(basis));
  std::vector<std::string> open;
  for (const Pair& pair : pairs_of(measured.conditions, here)) {
    if (pair.is_open()) open.push_back(fmt::format("{} '{}'", pair.name, pair.measured));
  }
  if (!open.empty())
    verdict.add_assumption(fmt::format("this run was like the measured ones: {}", fmt::join(open, ", ")));
}

}  // namespace assay::profile
