// What a file is: kinds of files, each known by how such a file begins, and read by the room that it belongs
// to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "base/json.h"

namespace assay {

/// What a glance at a file shows, before any room reads it.
struct Glance {
  std::string head;                ///< the first 4096 bytes, or all of a shorter file
  std::vector<std::string> names;  ///< of a JSON object its fields; of a folder what lies in it
  std::string format;              ///< of a JSON object its field "format", where that is a text
  std::string payload_type;        ///< likewise "payloadType"
  /// Of a safetensors file the field "format" of its metadata.
  std::string metadata_format;
  bool is_folder = false;
  bool is_object = false;  ///< JSON, as far as it was read
};

/// A kind of file. A room lists its kinds in kinds.cc, a line for each.
struct FileKind {
  enum class Mark : std::uint8_t {
    kBytes,      ///< the file begins with `tag`
    kFormat,     ///< a JSON object whose "format" begins with `tag`
    kStatement,  ///< a signed statement, a DSSE envelope whose "payloadType" is `tag`
    kMetadata,   ///< a safetensors file whose metadata has a "format" that begins with `tag`
    kFields,     ///< a JSON object with all the fields that `tag` names, spaces between
    kEntries,    ///< a folder in which all that `tag` names lies
    kOther,      ///< what `is` says; `tag` says it in words
  };
  /// Reads the whole file by its room's decoder and gives what people want to know of it as a JSON object.
  /// Errors: those of the decoder.
  using Read = Result<Json> (*)(const std::filesystem::path& path);

  Mark mark;
  std::string_view tag;
  std::string_view name;  ///< "commitment"
  Read read;              ///< null where the Python package reads it, by its program assay-show
  bool (*is)(const Glance& glance) = nullptr;
};

/// "bytes", "format", "statement", "metadata", "fields", "entries", "other".
[[nodiscard]] std::string_view to_string(FileKind::Mark mark);

/// Looks at a file or a folder. JSON is read up to its field "format", or to where it is broken, which is for
/// the decoder to say. Errors: kIo.
[[nodiscard]] Result<Glance> glance_at(const std::filesystem::path& path);

/// The kind whose mark a file bears: of several marks the one that stands first in Mark, of several tags
/// under one mark the longest, and of those as long the first that is listed. nullptr where there is none.
[[nodiscard]] const FileKind* kind_of(const Glance& glance, std::span<const FileKind> kinds);

/// The kind of a file. Errors: kIo; kUnsupported (none that is listed).
[[nodiscard]] Result<const FileKind*> find_kind(const std::filesystem::path& path,
                                                std::span<const FileKind> kinds);

/// A value as words: texts as they are, lists with commas between, of which the first eight are named.
[[nodiscard]] std::string words_of(const Json& value);

}  // namespace assay
