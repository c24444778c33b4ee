#include "base/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/file.h"
#include "base/try.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeadBytes = 4096;
constexpr std::size_t kMaxNames = 4096;
constexpr std::size_t kMaxTag = 256;                            ///< bytes of a format that is kept
constexpr std::uint64_t kMaxHeader = std::uint64_t{100} << 20;  ///< of a safetensors file
constexpr std::size_t kNamed = 8;                               ///< items of a list
constexpr std::string_view kOurs = "assay/";
constexpr std::string_view kBlank = " \t\r\n";

/// Notes the names of the fields of the outermost object, and the texts of those by which files are told
/// apart; in a header of safetensors also the format within "__metadata__".
class Names final : public JsonVisitor {
 public:
  Names(Glance& glance, bool is_header) : glance_(&glance), is_header_(is_header) {}

  Status begin_object() override { return open(); }
  Status end_object() override { return close(); }
  Status begin_array() override { return open(); }
  Status end_array() override { return close(); }
  Status key(std::string_view name) override {
    if (depth_ == 1 && glance_->names.size() < kMaxNames)
      glance_->names.emplace_back(name.substr(0, kMaxTag));
    if (depth_ == 1) outer_ = name.substr(0, kMaxTag);
    name_ = name.substr(0, kMaxTag);
    return {};
  }
  Status string(std::string_view text) override {
    const std::string_view kept = text.substr(0, kMaxTag);
    if (is_header_) {
      if (depth_ == 2 && outer_ == "__metadata__" && name_ == "format") glance_->metadata_format = kept;
      return {};
    }
    if (depth_ != 1) return {};
    if (name_ == "payloadType") glance_->payload_type = kept;
    if (name_ != "format") return {};
    glance_->format = kept;
    if (!kept.starts_with(kOurs)) return {};
    return Error{ErrorCode::kUnsupported, "", ""};  // nothing more is needed: ends the reading
  }
  Status integer(std::string_view) override { return {}; }
  Status real(double) override { return {}; }
  Status boolean(bool) override { return {}; }
  Status null() override { return {}; }

 private:
  Status open() {
    ++depth_;
    return {};
  }
  Status close() {
    --depth_;
    return {};
  }

  Glance* glance_;
  bool is_header_;
  std::size_t depth_ = 0;
  std::string outer_;  // the last field of the outermost object
  std::string name_;   // the last field of any
};

void read_names(std::string_view text, bool is_header, Glance& glance) {
  Names names(glance, is_header);
  // Where the text is broken, its decoder says so, and where.
  static_cast<void>(parse_json_stream(text, names, ""));
}

std::string_view safetensors_header(std::string_view text) {
  std::uint64_t size = 0;
  if (text.size() <= sizeof(size) || text[sizeof(size)] != '{') return {};
  for (std::size_t i = 0; i < sizeof(size); ++i)
    size |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  return size > kMaxHeader ? std::string_view() : text.substr(sizeof(size), size);
}

std::vector<std::string_view> words_in(std::string_view tag) {
  std::vector<std::string_view> words;
  while (!tag.empty()) {
    words.push_back(tag.substr(0, tag.find(' ')));
    tag.remove_prefix(std::min(tag.size(), words.back().size() + 1));
  }
  return words;
}

bool has_all(const std::vector<std::string>& names, std::string_view tag) {
  return std::ranges::all_of(
      words_in(tag), [&](std::string_view word) { return std::ranges::find(names, word) != names.end(); });
}

bool bears(const FileKind& kind, const Glance& glance) {
  switch (kind.mark) {
    case FileKind::Mark::kBytes:
      return glance.head.starts_with(kind.tag);
    case FileKind::Mark::kFormat:
      return glance.is_object && glance.format.starts_with(kind.tag);
    case FileKind::Mark::kStatement:
      return glance.is_object && glance.payload_type == kind.tag;
    case FileKind::Mark::kMetadata:
      return glance.metadata_format.starts_with(kind.tag);
    case FileKind::Mark::kFields:
      return glance.is_object && has_all(glance.names, kind.tag);
    case FileKind::Mark::kEntries:
      return glance.is_folder && has_all(glance.names, kind.tag);
    case FileKind::Mark::kOther:
      break;
  }
  return kind.is(glance);
}

Result<Glance> glance_at_folder(const fs::path& path) {
  Glance glance;
  glance.is_folder = true;
  std::error_code failure;
  for (fs::directory_iterator entry(path, failure), end; !failure && entry != end; entry.increment(failure))
    if (glance.names.size() < kMaxNames) glance.names.push_back(entry->path().filename().string());
  if (failure) return Error{ErrorCode::kIo, path.string(), failure.message()};
  return glance;
}

}  // namespace

std::string_view to_string(FileKind::Mark mark) {
  constexpr std::array<std::string_view, 7> kWords = {"bytes",  "format",  "statement", "metadata",
                                                      "fields", "entries", "other"};
  return kWords[static_cast<std::size_t>(mark)];
}

Result<Glance> glance_at(const fs::path& path) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) return glance_at_folder(path);
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  Glance glance;
  glance.head = text.substr(0, kHeadBytes);
  const std::size_t first = glance.head.find_first_not_of(kBlank);
  glance.is_object = first != std::string::npos && glance.head[first] == '{';
  if (glance.is_object) {
    read_names(text, false, glance);
  } else if (const std::string_view header = safetensors_header(text); !header.empty()) {
    read_names(header, true, glance);
  }
  return glance;
}

const FileKind* kind_of(const Glance& glance, std::span<const FileKind> kinds) {
  const FileKind* found = nullptr;
  for (const FileKind& kind : kinds) {
    const bool before = found == nullptr || kind.mark < found->mark ||
                        (kind.mark == found->mark && kind.tag.size() > found->tag.size());
    if (before && bears(kind, glance)) found = &kind;
  }
  return found;
}

Result<const FileKind*> find_kind(const fs::path& path, std::span<const FileKind> kinds) {
  const Glance glance = ASSAY_TRY(glance_at(path));
  const FileKind* kind = kind_of(glance, kinds);
  if (kind != nullptr) return kind;
  if (!glance.format.empty())
    return Error{ErrorCode::kUnsupported, path.string(),
                 fmt::format("of the format '{}', which is not known here", internal::shown(glance.format))};
  return Error{ErrorCode::kUnsupported, path.string(),
               "of no kind that is known here: assay show --kinds lists them"};
}

std::string words_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "none";
  if (!value.is_structured()) return dump_json(value, -1);
  std::string words;
  std::size_t named = 0;
  for (const auto& [name, item] : value.items()) {
    if (named == kNamed) return fmt::format("{}, .. ({})", words, value.size());
    if (named++ > 0) words += item.is_structured() ? "; " : ", ";
    words += value.is_object() ? name + " " + words_of(item) : words_of(item);
  }
  return words.empty() ? "none" : words;
}

}  // namespace assay
