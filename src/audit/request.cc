#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_log.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/wire.h"

namespace assay::audit {
namespace {

constexpr std::string_view kRequestTag = "assay/audit/request/v";
constexpr std::uint32_t kRequestVersion = 1;

}  // namespace

Digest request_digest(std::span<const std::uint32_t> prompt_token_ids, std::string_view sampling) {
  WireWriter writer;
  writer.begin(kRequestTag, kRequestVersion).u64(prompt_token_ids.size());
  for (const std::uint32_t id : prompt_token_ids) writer.u32(id);
  writer.text(sampling);
  return sha256(writer.bytes());
}

Digest Request::digest() const { return request_digest(prompt_token_ids, sampling); }

std::string Request::encode() const {
  Json json;
  json["format"] = fmt::format("{}{}", kRequestTag, kRequestVersion);
  json["nonce"] = to_hex(nonce);
  json["sampling"] = sampling;
  json["prompt_token_ids"] = prompt_token_ids;
  json["output_token_ids"] = output_token_ids;
  return dump_json(json, -1) + "\n";
}

Result<Request> Request::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(json.root().format(
      kRequestTag, kRequestVersion, {"nonce", "sampling", "prompt_token_ids", "output_token_ids"}));
  Request request;
  std::ranges::copy(ASSAY_TRY(fields["nonce"].hex(request.nonce.size())), request.nonce.begin());
  request.sampling = ASSAY_TRY(fields["sampling"].text(kMaxText));
  request.prompt_token_ids = ASSAY_TRY(fields["prompt_token_ids"].integers<std::uint32_t>(kMaxTokens));
  request.output_token_ids = ASSAY_TRY(fields["output_token_ids"].integers<std::uint32_t>(kMaxTokens));
  if (request.prompt_token_ids.empty())
    return fields["prompt_token_ids"].error(ErrorCode::kOutOfRange, "it is empty");
  if (request.output_token_ids.empty())
    return fields["output_token_ids"].error(ErrorCode::kOutOfRange, "it is empty");
  if (request.encode() != text)
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return request;
}

Result<Request> Request::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status Request::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::audit
