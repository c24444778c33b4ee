#include <fmt/format.h>

#include <algorithm>

#include "assay/setup.h"
#include "base/file.h"
#include "base/try.h"
#include "setup/label.h"

namespace assay::setup {

std::string_view to_string(Trust trust) { return trust == Trust::kDev ? "dev" : "ceremony"; }

namespace {

/// "<64 hex digits> <label>".
Result<TrustList::Entry> parse_line(std::string_view line, std::string_view place) {
  const Error malformed{ErrorCode::kMalformed, std::string(place),
                        "a line is \"<64 hex digits> <label>\", or a comment after '#'"};
  if (line.size() < internal::kDigestDigits + 2 || line[internal::kDigestDigits] != ' ') return malformed;
  const std::string_view label = line.substr(internal::kDigestDigits + 1);
  if (!internal::check_label(label, "a label", place).ok()) return malformed;
  const Result<Bytes> bytes = from_hex(line.substr(0, internal::kDigestDigits), place);
  if (!bytes) return malformed;
  TrustList::Entry entry{{}, std::string(label)};
  std::ranges::copy(*bytes, entry.digest.begin());
  return entry;
}

bool is_entry(std::string_view line) { return !line.empty() && !line.starts_with('#'); }

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
    if (!is_entry(line)) continue;
    const std::string at = fmt::format("{}: line {}", place, list.lines_.size());
    const Entry entry = ASSAY_TRY(parse_line(line, at));
    if (list.find(entry.digest) != nullptr)
      return Error{ErrorCode::kMalformed, at, "an earlier line has this digest: remove one of them"};
    list.entries_.push_back(entry);
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

Status TrustList::add(const Digest& digest, std::string_view label) {
  ASSAY_TRY(internal::check_label(label, "a label", "label"));
  // What stands where there are none: whoever writes it down took it from such a place.
  if (digest == Digest{})
    return Error{ErrorCode::kOutOfRange, "digest", "64 zeros are the digest of no parameters"};
  remove(digest);
  lines_.push_back(fmt::format("{} {}", to_hex(digest), label));
  entries_.push_back({digest, std::string(label)});
  return {};
}

bool TrustList::remove(const Digest& digest) {
  std::erase_if(lines_, [&digest](const std::string& line) {
    return is_entry(line) && parse_line(line, "").value().digest == digest;
  });
  return std::erase_if(entries_, [&digest](const Entry& entry) { return entry.digest == digest; }) > 0;
}

const TrustList::Entry* TrustList::find(const Digest& digest) const {
  const auto found = std::ranges::find(entries_, digest, &Entry::digest);
  return found == entries_.end() ? nullptr : &*found;
}

std::string describe_srs(const TrustList::Entry* ours, std::string_view label, std::string_view meaning) {
  const std::string standing =
      ours != nullptr
          ? fmt::format("SRS trusted by the verifier's list as '{}'", ours->label)
          : "SRS unverified: it is not in the list of trusted ones; anybody who knows its secrets can open "
            "to anything";
  return fmt::format("{} (the file's own word: {}, {})", standing, label, meaning);
}

}  // namespace assay::setup
