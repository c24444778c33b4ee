#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "assay/toploc_files.h"
#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "base/within.h"
#include "toploc/parameters_json.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kFormat = "assay/toploc/signature/v";
constexpr std::uint32_t kVersion = 2;

Status validate_tokens(const char* field, const std::vector<std::uint32_t>& ids) {
  if (ids.empty() || ids.size() > Signature::kMaxTokens)
    return Error{ErrorCode::kOutOfRange, field,
                 fmt::format("{} token ids, not 1 to {}", ids.size(), Signature::kMaxTokens)};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] > Signature::kMaxToken)
      return Error{ErrorCode::kOutOfRange, fmt::format("{}[{}]", field, i),
                   fmt::format("{} is over {}", ids[i], Signature::kMaxToken)};
  }
  return {};
}

Status validate(const Signature& s) {
  for (const auto& [field, text, most] : {std::tuple("model", &s.model, Signature::kMaxText),
                                          {"dtype", &s.dtype, Signature::kMaxText},
                                          {"attention", &s.attention, Signature::kMaxText},
                                          {"prompt", &s.prompt, Signature::kMaxBytes}}) {
    if (text->size() > most)
      return Error{ErrorCode::kTooLarge, field,
                   fmt::format("{} bytes, at most {} are taken", text->size(), most)};
    if (!is_valid_utf8(*text)) return Error{ErrorCode::kOutOfRange, field, "it is not UTF-8"};
  }
  ASSAY_TRY(validate_tokens("prompt_token_ids", s.prompt_token_ids));
  ASSAY_TRY(validate_tokens("output_token_ids", s.output_token_ids));
  ASSAY_TRY(s.parameters.validate());
  if (s.proofs.size() > Signature::kMaxProofs)
    return Error{ErrorCode::kTooLarge, "proofs",
                 fmt::format("{} of them, at most {} are taken", s.proofs.size(), Signature::kMaxProofs)};
  for (std::size_t i = 0; i < s.proofs.size(); ++i) {
    if (s.proofs[i].size() > proof_size(kMaxTopK))
      return Error{ErrorCode::kTooLarge, fmt::format("proofs[{}]", i),
                   fmt::format("{} bytes, at most {} are taken", s.proofs[i].size(), proof_size(kMaxTopK))};
  }
  return {};
}

}  // namespace

Result<std::string> Signature::encode() const {
  ASSAY_TRY(validate(*this));
  Json json;
  json["format"] = fmt::format("{}{}", kFormat, kVersion);
  json["model"] = model;
  json["dtype"] = dtype;
  json["attention"] = attention;
  json["prompt"] = prompt;
  json["prompt_token_ids"] = prompt_token_ids;
  json["output_token_ids"] = output_token_ids;
  internal::put_parameters(json, parameters);
  json["proofs"] = Json::array();
  for (const Bytes& proof : proofs) json["proofs"].push_back(to_base64(proof));
  std::string text = dump_json(json, -1) + "\n";
  if (text.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, "",
                 fmt::format("the signature has {} bytes, at most {} are read", text.size(), kMaxBytes)};
  return text;
}

Result<Signature> Signature::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(
      json.root().format(kFormat, kVersion,
                         internal::with_parameters({"model", "dtype", "attention", "prompt",
                                                    "prompt_token_ids", "output_token_ids", "proofs"})));
  Signature signature;
  signature.model = ASSAY_TRY(fields["model"].text(kMaxText));
  signature.dtype = ASSAY_TRY(fields["dtype"].text(kMaxText));
  signature.attention = ASSAY_TRY(fields["attention"].text(kMaxText));
  signature.prompt = ASSAY_TRY(fields["prompt"].text(kMaxBytes));
  signature.prompt_token_ids =
      ASSAY_TRY(fields["prompt_token_ids"].integers<std::uint32_t>(kMaxTokens, 0, kMaxToken));
  signature.output_token_ids =
      ASSAY_TRY(fields["output_token_ids"].integers<std::uint32_t>(kMaxTokens, 0, kMaxToken));
  signature.parameters = ASSAY_TRY(internal::read_parameters(fields));
  const JsonArray proofs = ASSAY_TRY(fields["proofs"].array(kMaxProofs));
  signature.proofs =
      ASSAY_TRY(proofs.all([](const JsonValue& proof) { return proof.base64(proof_size(kMaxTopK)); }));
  const Result<std::string> canonical = signature.encode();
  if (!canonical.ok()) return within(place, canonical.error());
  if (*canonical != text)
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return signature;
}

Result<Signature> Signature::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status Signature::write(const std::filesystem::path& path) const {
  return write_file(path, ASSAY_TRY(encode()));
}

}  // namespace assay::toploc
