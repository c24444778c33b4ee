#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "assay/audit.h"
#include "base/try.h"

namespace assay::audit {
namespace {

constexpr std::string_view kPlace = "layers";

Error malformed(std::string_view text) {
  return {ErrorCode::kMalformed, std::string(kPlace),
          fmt::format("'{}' is neither 'all', nor '1/8', nor blocks as in '0,8,16-19'", text)};
}

/// All of `text` as a number.
Result<std::uint32_t> number_of(std::string_view part, std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = part.data() + part.size();
  const auto [stopped, code] = std::from_chars(part.data(), end, value);
  if (part.empty() || part.size() > 9 || code != std::errc() || stopped != end) return malformed(text);
  return value;
}

/// "16" or "16-19": first and last.
Result<std::pair<std::uint32_t, std::uint32_t>> range_of(std::string_view part, std::string_view text) {
  const std::size_t dash = part.find('-');
  const std::uint32_t first = ASSAY_TRY(number_of(part.substr(0, dash), text));
  if (dash == std::string_view::npos) return std::pair(first, first);
  return std::pair(first, ASSAY_TRY(number_of(part.substr(dash + 1), text)));
}

}  // namespace

Result<BlockChoice> BlockChoice::parse(std::string_view text) {
  BlockChoice choice;
  if (text == "all") return choice;
  if (text.size() > kMaxText)
    return Error{ErrorCode::kTooLarge, std::string(kPlace), fmt::format("more than {} characters", kMaxText)};
  if (text.starts_with("1/")) {
    choice.stride_ = ASSAY_TRY(number_of(text.substr(2), text));
    if (choice.stride_ == 0) return malformed(text);
    return choice;
  }
  choice.stride_ = 0;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const auto [first, last] = ASSAY_TRY(range_of(rest.substr(0, comma), text));
    if (last < first || (!choice.listed_.empty() && first <= choice.listed_.back()))
      return Error{ErrorCode::kNonCanonical, std::string(kPlace),
                   fmt::format("'{}': the blocks do not ascend", text)};
    if (last >= weights::Folder::kMaxBlocks)
      return Error{ErrorCode::kOutOfRange, std::string(kPlace), fmt::format("no model has a block {}", last)};
    for (std::uint32_t block = first; block <= last; ++block) choice.listed_.push_back(block);
    if (comma == std::string_view::npos) return choice;
    rest = rest.substr(comma + 1);
  }
}

bool BlockChoice::has(std::uint32_t block) const {
  return stride_ > 0 ? block % stride_ == 0 : std::ranges::binary_search(listed_, block);
}

bool BlockChoice::has(const Wire& wire, std::uint32_t blocks) const {
  if (wire.block == Wire::kNoBlock) return true;
  if (wire.role != Role::kResidual) return has(wire.block);
  return wire.block == 0 || wire.block == blocks || has(wire.block) || has(wire.block - 1);
}

Result<std::vector<std::uint32_t>> BlockChoice::of(std::uint32_t blocks) const {
  if (!listed_.empty() && listed_.back() >= blocks)
    return Error{ErrorCode::kOutOfRange, std::string(kPlace),
                 fmt::format("block {} of a model of {}", listed_.back(), blocks)};
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t block = 0; block < blocks; ++block)
    if (has(block)) chosen.push_back(block);
  return chosen;
}

}  // namespace assay::audit
