#include <fmt/format.h>

#include <algorithm>

#include "assay/verifier.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::claim {
namespace {

constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kMaxLabel = 64;

bool is_label_character(char c) { return c >= ' ' && c <= '~'; }

/// "<64 hex digits> <label>".
Result<Digest> parse_line(std::string_view line, std::string_view place) {
  const Error malformed{ErrorCode::kMalformed, std::string(place),
                        "a line is \"<64 hex digits> <label>\", or a comment after '#'"};
  if (line.size() < kHexDigits + 2 || line[kHexDigits] != ' ') return malformed;
  const std::string_view label = line.substr(kHexDigits + 1);
  if (label.size() > kMaxLabel || !std::ranges::all_of(label, is_label_character)) return malformed;
  const Result<Bytes> bytes = from_hex(line.substr(0, kHexDigits), place);
  if (!bytes) return malformed;
  Digest digest;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

}  // namespace

Result<TrustList> TrustList::parse(std::string_view text, std::string_view place) {
  if (text.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), kMaxBytes)};
  if (!text.empty() && !text.ends_with('\n'))
    return Error{ErrorCode::kMalformed, std::string(place), "no line break at the end: was it cut off?"};
  TrustList list;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    list.lines_.emplace_back(line);
    if (line.empty() || line.starts_with('#')) continue;
    list.digests_.push_back(
        ASSAY_TRY(parse_line(line, fmt::format("{}: line {}", place, list.lines_.size()))));
  }
  return list;
}

Result<TrustList> TrustList::read(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::status(path, failure).type() == std::filesystem::file_type::not_found)
    return TrustList{};
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string TrustList::to_text() const {
  std::string text;
  for (const std::string& line : lines_) text += line + '\n';
  return text;
}

Status TrustList::write(const std::filesystem::path& path) const { return write_file(path, to_text()); }

void TrustList::add(const Digest& digest, std::string_view label) {
  if (contains(digest)) return;
  std::string kept(label);
  std::erase_if(kept, [](char c) { return !is_label_character(c); });
  kept.resize(std::min(kept.size(), kMaxLabel));
  lines_.push_back(fmt::format("{} {}", to_hex(digest), kept.empty() ? "unlabelled" : kept));
  digests_.push_back(digest);
}

bool TrustList::contains(const Digest& digest) const {
  return std::ranges::find(digests_, digest) != digests_.end();
}

}  // namespace assay::claim
