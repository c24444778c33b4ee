// The file of where rows came from, and that of token ids: lines of JSON.
#include <fmt/format.h>

#include <algorithm>

#include "assay/probe_rows.h"
#include "base/file.h"
#include "base/format_version.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"
#include "probe/number_text.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

constexpr std::string_view kRowsFormat = "assay/probe/rows/v";
constexpr std::string_view kTokensFormat = "assay/probe/tokens/v";
constexpr std::uint32_t kRowsVersion = 1;

std::string quoted_or_null(const std::optional<Digest>& digest) {
  return digest ? internal::quoted(to_hex(*digest)) : "null";
}

std::string list_of(const std::vector<std::uint32_t>& numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ","));
}

/// Takes a text apart into its lines, each with the line break that ends it.
class Lines {
 public:
  Lines(std::string_view text, std::string_view place) : text_(text), place_(place) {}

  /// The next line as JSON. Errors: kMalformed (none is there), kTooLarge.
  Result<JsonText> next() {
    ++number_;
    const std::size_t end = text_.find('\n');
    if (end == std::string_view::npos)
      return Error{ErrorCode::kMalformed, place(), "there is no line here that a line break ends"};
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return JsonText::parse(line, place(), RowsFile::kMaxLine);
  }
  [[nodiscard]] std::string place() const { return fmt::format("{}: line {}", place_, number_); }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  std::string place_;
  std::size_t number_ = 0;
};

Error left_over(std::string_view place) {
  return {ErrorCode::kMalformed, std::string(place), "it has more lines than it announces"};
}

Error not_canonical(std::string_view place) {
  return {ErrorCode::kNonCanonical, std::string(place),
          "it is laid out otherwise than this program writes it"};
}

Result<TextRows> text_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"group", "label", "tokens", "positions"}));
  TextRows text;
  text.group = ASSAY_TRY(fields["group"].text(kMaxText));
  text.label = ASSAY_TRY(fields["label"].integer<std::uint32_t>(0, 1)) == 1;
  text.tokens =
      ASSAY_TRY(fields["tokens"].integers<std::uint32_t>(RowsFile::kMaxTokens, 0, internal::kMaxTokenId));
  text.positions = ASSAY_TRY(fields["positions"].integers<std::uint32_t>(RowsFile::kMaxTokens));
  return text;
}

bool is_rule(std::string_view rule) {
  if (rule == "all" || rule == "last" || rule == "mean") return true;
  const bool digits = std::ranges::all_of(rule, [](char c) { return c == ',' || (c >= '0' && c <= '9'); });
  return digits && !rule.empty();
}

Status check_tokens(const TokenIds& tokens) {
  if (tokens.empty() || tokens.size() > RowsFile::kMaxTokens)
    return Error{ErrorCode::kTooLarge, "tokens",
                 fmt::format("{} of them, 1 to {} are taken", tokens.size(), RowsFile::kMaxTokens)};
  if (std::ranges::any_of(tokens, [](std::uint32_t id) { return id > internal::kMaxTokenId; }))
    return Error{ErrorCode::kOutOfRange, "tokens", "an id is over 2^31 - 1"};
  return {};
}

Status check_text_rows(const TextRows& text) {
  ASSAY_TRY(internal::check_text(text.group, kMaxText, "group"));
  ASSAY_TRY(check_tokens(text.tokens));
  if (text.positions.empty()) return Error{ErrorCode::kMalformed, "positions", "there are none"};
  if (std::ranges::adjacent_find(text.positions, std::ranges::greater_equal()) != text.positions.end())
    return Error{ErrorCode::kNonCanonical, "positions", "they do not ascend"};
  if (text.positions.back() >= text.tokens.size())
    return Error{
        ErrorCode::kOutOfRange, "positions",
        fmt::format("{} is behind the last of {} tokens", text.positions.back(), text.tokens.size())};
  return {};
}

Result<std::string> read_text(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, RowsFile::kMaxBytes));
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

std::size_t RowsFile::row_count() const {
  if (rule == "mean") return texts.size();
  std::size_t rows = 0;
  for (const TextRows& text : texts) rows += text.positions.size();
  return rows;
}

std::vector<std::size_t> RowsFile::text_of_row() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out.insert(out.end(), rule == "mean" ? 1 : texts[i].positions.size(), i);
  return out;
}

std::vector<TokenIds> RowsFile::token_lists() const {
  std::vector<TokenIds> lists;
  for (const TextRows& text : texts) lists.push_back(text.tokens);
  return lists;
}

Status RowsFile::validate() const {
  ASSAY_TRY(internal::check_text(model_id, kMaxText, "model_id"));
  ASSAY_TRY(internal::check_text(engine, kMaxEngine, "engine"));
  if (rule.size() > kMaxText || !is_rule(rule))
    return Error{ErrorCode::kMalformed, "rule", "it is neither all, last, mean nor positions: 0,5"};
  if (texts.empty() || texts.size() > kMaxTexts)
    return Error{ErrorCode::kTooLarge, "texts",
                 fmt::format("{} of them, 1 to {} are taken", texts.size(), kMaxTexts)};
  for (std::size_t i = 0; i < texts.size(); ++i)
    ASSAY_TRY(within(fmt::format("text {}", i), check_text_rows(texts[i])));
  return {};
}

std::string RowsFile::encode() const {
  std::string out = fmt::format(
      R"({{"format":"{}{}","model_id":{},"tokenizer_sha256":{},"chat_template_sha256":{},"weights_root":{},)"
      R"("rule":{},"engine":{},"texts":{}}})"
      "\n",
      kRowsFormat, kRowsVersion, internal::quoted(model_id), quoted_or_null(tokenizer),
      quoted_or_null(chat_template), quoted_or_null(weights_root), internal::quoted(rule),
      internal::quoted(engine), texts.size());
  for (const TextRows& text : texts)
    out += fmt::format(R"({{"group":{},"label":{},"tokens":{},"positions":{}}})"
                       "\n",
                       internal::quoted(text.group), text.label ? 1 : 0, list_of(text.tokens),
                       list_of(text.positions));
  return out;
}

Result<RowsFile> RowsFile::decode(std::string_view text, std::string_view place) {
  Lines lines(text, place);
  RowsFile out;
  const JsonText head = ASSAY_TRY(lines.next());
  const JsonFields fields = ASSAY_TRY(head.root().format(
      kRowsFormat, kRowsVersion,
      {"model_id", "tokenizer_sha256", "chat_template_sha256", "weights_root", "rule", "engine", "texts"}));
  out.model_id = ASSAY_TRY(fields["model_id"].text(kMaxText));
  out.tokenizer = ASSAY_TRY(internal::optional_digest_of(fields["tokenizer_sha256"]));
  out.chat_template = ASSAY_TRY(internal::optional_digest_of(fields["chat_template_sha256"]));
  out.weights_root = ASSAY_TRY(internal::optional_digest_of(fields["weights_root"]));
  out.rule = ASSAY_TRY(fields["rule"].text(kMaxText));
  out.engine = ASSAY_TRY(fields["engine"].text(kMaxEngine));
  const auto count = ASSAY_TRY(fields["texts"].integer<std::uint64_t>(1, kMaxTexts));
  for (std::uint64_t i = 0; i < count; ++i) {
    const JsonText line = ASSAY_TRY(lines.next());
    out.texts.push_back(ASSAY_TRY(text_of(line.root())));
    ASSAY_TRY(within(lines.place(), check_text_rows(out.texts.back())));
  }
  if (!lines.at_end()) return left_over(place);
  ASSAY_TRY(within(place, out.validate()));
  if (out.encode() != text) return not_canonical(place);
  return out;
}

Result<RowsFile> RowsFile::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_text(path)), path.string());
}

Status RowsFile::write(const std::filesystem::path& path) const {
  ASSAY_TRY(validate());
  return write_file(path, encode());
}

Digest TokensFile::digest() const {
  WireWriter writer;
  writer.begin(kTokensFormat, kRowsVersion).raw(salt).u32(static_cast<std::uint32_t>(texts.size()));
  for (const TokenIds& ids : texts) {
    writer.u32(static_cast<std::uint32_t>(ids.size()));
    for (const std::uint32_t id : ids) writer.u32(id);
  }
  return sha256(writer.bytes());
}

std::string TokensFile::encode() const {
  std::string out = fmt::format(R"({{"format":"{}{}","salt":"{}","texts":{}}})", kTokensFormat, kRowsVersion,
                                to_hex(salt), texts.size());
  for (const TokenIds& ids : texts) out += "\n" + list_of(ids);
  return out + "\n";
}

Result<TokensFile> TokensFile::decode(std::string_view text, std::string_view place) {
  Lines lines(text, place);
  const JsonText head = ASSAY_TRY(lines.next());
  const JsonFields fields = ASSAY_TRY(head.root().format(kTokensFormat, kRowsVersion, {"salt", "texts"}));
  TokensFile out;
  out.salt = ASSAY_TRY(internal::digest_of(fields["salt"]));
  const auto count = ASSAY_TRY(fields["texts"].integer<std::uint64_t>(1, RowsFile::kMaxTexts));
  for (std::uint64_t i = 0; i < count; ++i) {
    const JsonText line = ASSAY_TRY(lines.next());
    out.texts.push_back(
        ASSAY_TRY(line.root().integers<std::uint32_t>(RowsFile::kMaxTokens, 0, internal::kMaxTokenId)));
    ASSAY_TRY(within(lines.place(), check_tokens(out.texts.back())));
  }
  if (!lines.at_end()) return left_over(place);
  if (out.encode() != text) return not_canonical(place);
  return out;
}

Result<TokensFile> TokensFile::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_text(path)), path.string());
}

Status TokensFile::write(const std::filesystem::path& path) const {
  const std::string text = encode();
  return write_private_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                            AtomicFile::Existing::kReplace);
}

}  // namespace assay::probe
