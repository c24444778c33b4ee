// Where rows came from: the texts, their groups and labels, the positions; and the token ids as a digest that
// does not give them away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"

namespace assay::probe {

using TokenIds = std::vector<std::uint32_t>;

/// A text of a corpus, and which of its positions became rows.
struct TextRows {
  std::string group;
  bool label = false;
  TokenIds tokens;
  std::vector<std::uint32_t> positions;  ///< ascending, below the number of tokens
  friend bool operator==(const TextRows&, const TextRows&) = default;
};

/// Where each row of a .gotact came from.
struct RowsFile {
  static constexpr std::size_t kMaxTexts = std::size_t{1} << 20;
  static constexpr std::size_t kMaxTokens = 60000;                    ///< of a text
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;  ///< of the file
  static constexpr std::size_t kMaxLine = std::size_t{16} << 20;
  static constexpr std::size_t kMaxEngine = 4096;

  std::string model_id;
  std::optional<Digest> tokenizer;
  std::optional<Digest> chat_template;
  std::optional<Digest> weights_root;
  std::string rule;    ///< "all", "last", "mean", or positions with commas between
  std::string engine;  ///< software and hardware
  std::vector<TextRows> texts;

  /// A row for each position; with the rule "mean" one for each text.
  [[nodiscard]] std::size_t row_count() const;
  /// Of each row, the text that it came from.
  [[nodiscard]] std::vector<std::size_t> text_of_row() const;
  [[nodiscard]] std::vector<TokenIds> token_lists() const;

  /// Errors: kOutOfRange, kTooLarge, kMalformed, kNonCanonical, with the text's number.
  [[nodiscard]] Status validate() const;
  /// The one text of these fields, JSON lines.
  [[nodiscard]] std::string encode() const;
  /// Errors: those of validate(); kMalformed, kNonCanonical (not what encode() gives), kUnsupported.
  [[nodiscard]] static Result<RowsFile> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<RowsFile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const RowsFile&, const RowsFile&) = default;
};

/// Token ids with the salt under which their digest was signed: for whoever the ids are no secret from.
struct TokensFile {
  Digest salt{};
  std::vector<TokenIds> texts;

  /// SHA-256("assay/probe/tokens/v1" || salt || LE32 texts { LE32 n, n LE32 ids }).
  [[nodiscard]] Digest digest() const;
  /// One line of JSON.
  [[nodiscard]] std::string encode() const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<TokensFile> decode(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<TokensFile> read(const std::filesystem::path& path);
  /// For its owner alone to read.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

}  // namespace assay::probe
