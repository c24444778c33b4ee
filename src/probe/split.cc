// Which examples there are, whether they are enough, and which part each group belongs to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "assay/probe_training.h"
#include "base/sha256.h"
#include "base/try.h"
#include "probe/parts.h"

namespace assay::probe {
namespace {

/// What labels a group has.
enum class Kind : std::uint8_t { kZeros, kOnes, kBoth };
constexpr std::size_t kSplitKinds = 3;

std::vector<Kind> kinds_of(const Examples& examples) {
  std::vector<std::array<bool, 2>> has(examples.group_names.size());
  for (std::size_t i = 0; i < examples.size(); ++i)
    has[examples.groups[i]][examples.labels[i] ? 1 : 0] = true;
  std::vector<Kind> kinds;
  kinds.reserve(has.size());
  for (const auto& [zeros, ones] : has)
    kinds.push_back(zeros && ones ? Kind::kBoth : ones ? Kind::kOnes : Kind::kZeros);
  return kinds;
}

/// Groups in an order that the seed alone chooses.
std::vector<std::uint32_t> shuffled(const Examples& examples, std::uint64_t seed) {
  std::vector<std::pair<Digest, std::uint32_t>> keyed;
  keyed.reserve(examples.group_names.size());
  for (std::uint32_t g = 0; g < examples.group_names.size(); ++g)
    keyed.emplace_back(
        Sha256().update("assay/probe/split/v1").update_u64(seed).update(examples.group_names[g]).digest(), g);
  std::ranges::sort(keyed);
  std::vector<std::uint32_t> order;
  order.reserve(keyed.size());
  for (const auto& [key, group] : keyed) order.push_back(group);
  return order;
}

/// round(n * tenths / 10), halves up.
std::size_t share(std::size_t n, std::size_t tenths) { return (2 * n * tenths + 10) / 20; }

}  // namespace

Result<Examples> examples_of(const Activations& activations, std::uint32_t layer,
                             const std::vector<bool>& labels, const RowsFile* rows) {
  const LayerRows* found = activations.find(layer);
  if (found == nullptr)
    return Error{ErrorCode::kMismatch, fmt::format("layer {}", layer), "the activations do not have it"};
  const std::size_t count = activations.positions.size();
  if (labels.size() != count)
    return Error{ErrorCode::kMismatch, "labels",
                 fmt::format("{} of them for {} rows of activations", labels.size(), count)};
  Examples out{activations.width,    found->values,        labels, std::vector<std::uint32_t>(count), {},
               activations.model_id, activations.precision};
  if (rows == nullptr) {
    out.group_names = {"one text"};
    return out;
  }
  const std::vector<std::size_t> text_of = rows->text_of_row();
  if (text_of.size() != count)
    return Error{ErrorCode::kMismatch, "file of rows",
                 fmt::format("is about {} rows, the activations have {}", text_of.size(), count)};
  if (rows->model_id != activations.model_id)
    return Error{
        ErrorCode::kMismatch, "file of rows",
        fmt::format("is of model '{}', the activations of '{}'", rows->model_id, activations.model_id)};
  std::map<std::string, std::uint32_t> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const TextRows& text = rows->texts[text_of[i]];
    if (text.label != labels[i])
      return Error{ErrorCode::kMismatch, fmt::format("label {}", i),
                   "the file of rows has the other label for this row's text"};
    const auto [at, is_new] = numbers.emplace(text.group, static_cast<std::uint32_t>(numbers.size()));
    if (is_new) out.group_names.push_back(text.group);
    out.groups[i] = at->second;
  }
  return out;
}

Result<std::vector<std::string>> check_enough(const Examples& examples) {
  std::array<std::size_t, 2> counts{};
  std::array<std::set<std::uint32_t>, 2> groups;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::size_t label = examples.labels[i] ? 1 : 0;
    ++counts[label];
    groups[label].insert(examples.groups[i]);
  }
  for (std::size_t label = 0; label < 2; ++label) {
    if (counts[label] == 0)
      return Error{ErrorCode::kMismatch, "labels",
                   fmt::format("all {} are {}: is this the stub that extract leaves? Put the labels in",
                               examples.size(), 1 - label)};
  }
  std::vector<std::string> notes;
  for (std::size_t label = 0; label < 2; ++label) {
    if (counts[label] < kMinExamples)
      return Error{
          ErrorCode::kOutOfRange, "labels",
          fmt::format("{} examples of label {}, at least {} from {} groups are needed for a figure that "
                      "says anything; --compat trains on fewer, as the original does",
                      counts[label], label, kMinExamples, kMinGroups)};
    if (groups[label].size() < kMinGroups)
      return Error{
          ErrorCode::kOutOfRange, "labels",
          fmt::format("examples of label {} are of {} groups, at least {} are needed; rows without a "
                      "file of rows are one group",
                      label, groups[label].size(), kMinGroups)};
    if (counts[label] < kWantedExamples)
      notes.push_back(fmt::format("{} examples of label {}: fewer than {}, so the interval is wide",
                                  counts[label], label, kWantedExamples));
  }
  return notes;
}

std::vector<Part> split_groups(const Examples& examples, std::uint64_t seed) {
  const std::vector<Kind> kinds = kinds_of(examples);
  std::array<std::vector<std::uint32_t>, kSplitKinds> of_kind;
  for (const std::uint32_t group : shuffled(examples, seed))
    of_kind[static_cast<std::size_t>(kinds[group])].push_back(group);
  std::vector<Part> parts(kinds.size());
  for (const std::vector<std::uint32_t>& groups : of_kind) {
    for (std::size_t i = 0; i < groups.size(); ++i)
      parts[groups[i]] = i < share(groups.size(), 6)   ? Part::kTraining
                         : i < share(groups.size(), 8) ? Part::kCalibration
                                                       : Part::kTest;
  }
  return parts;
}

internal::RowNumbers internal::rows_in(const Examples& examples, const std::vector<Part>& parts, Part part) {
  RowNumbers rows;
  for (std::uint32_t i = 0; i < examples.size(); ++i)
    if (parts[examples.groups[i]] == part) rows.push_back(i);
  return rows;
}

std::uint32_t internal::group_count(const Examples& examples, const RowNumbers& rows) {
  std::set<std::uint32_t> groups;
  for (const std::uint32_t i : rows) groups.insert(examples.groups[i]);
  return static_cast<std::uint32_t>(groups.size());
}

std::vector<std::size_t> internal::folds_of(const Examples& examples, const std::vector<Part>& parts,
                                            std::uint64_t seed) {
  const std::vector<Kind> kinds = kinds_of(examples);
  std::array<std::size_t, kSplitKinds> next{};
  std::vector<std::size_t> folds(kinds.size(), internal::kFolds);
  for (const std::uint32_t group : shuffled(examples, seed)) {
    if (parts[group] != Part::kTraining) continue;
    folds[group] = next[static_cast<std::size_t>(kinds[group])]++ % internal::kFolds;
  }
  return folds;
}

std::vector<bool> internal::permuted_labels(const Examples& examples, const RowNumbers& rows,
                                            ChaCha20Stream& stream) {
  std::map<std::uint32_t, RowNumbers> members;
  for (const std::uint32_t i : rows) members[examples.groups[i]].push_back(i);
  const std::vector<Kind> kinds = kinds_of(examples);
  std::vector<bool> out = examples.labels;
  const auto shuffle = [&stream](std::vector<bool>& labels) {
    for (std::size_t i = labels.size(); i > 1; --i) {
      const std::size_t j = stream.below(i);
      const bool kept = labels[i - 1];
      labels[i - 1] = labels[j];
      labels[j] = kept;
    }
  };
  std::vector<bool> of_groups;  // of groups of one class
  for (const auto& [group, own] : members) {
    if (kinds[group] != Kind::kBoth) {
      of_groups.push_back(examples.labels[own[0]]);
      continue;
    }
    std::vector<bool> labels;
    for (const std::uint32_t i : own) labels.push_back(examples.labels[i]);
    shuffle(labels);
    for (std::size_t k = 0; k < own.size(); ++k) out[own[k]] = labels[k];
  }
  shuffle(of_groups);
  std::size_t next = 0;
  for (const auto& [group, own] : members) {
    if (kinds[group] == Kind::kBoth) continue;
    for (const std::uint32_t i : own) out[i] = of_groups[next];
    ++next;
  }
  return out;
}

}  // namespace assay::probe
