#include "audit/kinds.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "assay/audit_challenge.h"
#include "assay/audit_key.h"
#include "assay/audit_packet.h"
#include "assay/audit_profile.h"
#include "assay/audit_record.h"
#include "assay/audit_recorder.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::audit {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Json fields_of(const Head& head) {
  return {{"run", to_hex(head.run)},     {"request", to_hex(head.request)},
          {"nonce", to_hex(head.nonce)}, {"weights_root", to_hex(head.manifest)},
          {"engine", head.engine},       {"wires", head.wires.size()},
          {"steps", head.steps},         {"rows", head.rows},
          {"drops", head.drops},         {"digest", to_hex(head.digest())}};
}

Result<Json> read_head(const fs::path& path) { return fields_of(ASSAY_TRY(SignedHead::read(path)).head()); }

Result<Json> read_run(const fs::path& path) {
  const RunFolder folder = ASSAY_TRY(RunFolder::open(path));
  return fields_of(folder.head());
}

// The steps' leaves say little without the head beside them, which is checked against them.
Result<Json> read_steps(const fs::path& path) {
  const fs::path folder = path.parent_path();
  std::error_code failure;
  if (!fs::exists(folder / RunFolder::kHeadName, failure))
    return Error{ErrorCode::kIo, path.string(),
                 "the head of its run does not lie beside it: show the run's folder"};
  return read_run(folder.empty() ? "." : folder);
}

Result<Json> read_request(const fs::path& path) {
  const Request request = ASSAY_TRY(Request::read(path));
  return Json{{"nonce", to_hex(request.nonce)},
              {"prompt_tokens", request.prompt_token_ids.size()},
              {"output_tokens", request.output_token_ids.size()},
              {"sampling", request.sampling},
              {"digest", to_hex(request.digest())}};
}

// Nothing of the secret.
Result<Json> read_key(const fs::path& path) {
  const Key key = ASSAY_TRY(Key::read(path));
  return Json{{"weights_root", to_hex(key.manifest())},
              {"epoch", key.epoch()},
              {"vectors", key.vectors()},
              {"layers", key.layers()}};
}

Result<Json> read_challenge(const fs::path& path) {
  const Challenge challenge = ASSAY_TRY(Challenge::read(path));
  return Json{{"head", to_hex(challenge.head)},
              {"steps", challenge.steps},
              {"blocks_of_attention", challenge.attention.size()},
              {"digest", to_hex(challenge.digest())}};
}

Result<Json> read_openings(const fs::path& path) {
  const Openings openings = ASSAY_TRY(Openings::read(path));
  std::size_t rows = 0;
  Json steps = Json::array();
  for (const Openings::OpenedStep& step : openings.steps) {
    rows += step.rows.size();
    steps.push_back(step.step.index);
  }
  return Json{
      {"challenge", to_hex(openings.challenge)}, {"steps", steps}, {"rows", rows}, {"verified", nullptr}};
}

Result<Json> read_profile(const fs::path& path) {
  return parse_json(ASSAY_TRY(Profile::read(path)).to_json(), path.string());
}

Json fields_of(const PacketHeader& header) {
  return {{"session", to_hex(header.session)},
          {"sequence", header.sequence},
          {"product", header.product},
          {"call", to_string(header.call)},
          {"dtype", tensor::short_name(header.dtype)},
          {"m_k_n", {header.m, header.k, header.n}},
          {"rows", header.rows.size()},
          {"columns", header.columns.size()},
          {"weight", header.weight ? Json(to_hex(*header.weight)) : Json(nullptr)}};
}

// Packets one behind the other, as they come over a connection.
Result<Json> read_packets(const fs::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  ByteSpan rest = file.bytes();
  PacketReader reader(path.string());
  std::size_t packets = 0;
  std::size_t bare = 0;
  Json first = nullptr;
  bool within = false;
  while (!rest.empty()) {
    const std::span<std::uint8_t> space = reader.space();
    const std::size_t count = std::min(space.size(), rest.size());
    std::copy_n(rest.begin(), count, space.begin());
    rest = rest.subspan(count);
    ASSAY_TRY(reader.filled(count));
    within = !reader.whole();
    if (within) continue;
    ++packets;
    if (reader.bare()) ++bare;
    if (first.is_null() && reader.packet()) first = fields_of(reader.packet()->header);
    reader.next();
  }
  if (within) return Error{ErrorCode::kMalformed, path.string(), "it ends within a packet"};
  return Json{{"packets", packets}, {"without_a_weight", bare}, {"first", first}, {"verified", nullptr}};
}

// What a verifier keeps: which heads it challenged, and how that ended for all providers together.
Result<Json> read_record(const fs::path& path) {
  const Record record = Record::open(path);
  std::size_t challenges = 0;
  std::error_code failure;
  for (fs::directory_iterator entry(path, failure), end; !failure && entry != end; entry.increment(failure))
    challenges += entry->path().extension() == ".challenge" ? 1 : 0;
  if (failure) return Error{ErrorCode::kIo, path.string(), failure.message()};
  Json providers = Json::array();
  for (const Digest& provider : ASSAY_TRY(record.providers())) {
    const Record::Tally tally = ASSAY_TRY(record.tally(provider));
    providers.push_back({{"provider", to_hex(provider)},
                         {"accepted", tally.accepted},
                         {"rejected", tally.rejected},
                         {"inconclusive", tally.inconclusive},
                         {"missing", tally.missing}});
  }
  return Json{{"challenges", challenges}, {"providers", providers}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kStatement, "application/vnd.assay.audit-head", "signed head of an audit log", read_head},
    FileKind{Mark::kEntries, "head steps rows", "log of an audited run", read_run},
    FileKind{Mark::kEntries, "outcomes", "record of a verifier's audits", read_record},
    FileKind{Mark::kBytes, "assay/audit/steps/v", "steps of an audited run", read_steps},
    FileKind{Mark::kFormat, "assay/audit/request/v", "request of an audited run", read_request},
    FileKind{Mark::kBytes, "assay/audit/key/v", "secret key of a verifier's audits", read_key},
    FileKind{Mark::kBytes, "assay/audit/challenge/v", "challenge of an audit", read_challenge},
    FileKind{Mark::kBytes, "assay/audit/openings/v", "openings of an audit", read_openings},
    FileKind{Mark::kFormat, "assay/audit/profile/v", "profile of audits", read_profile},
    FileKind{Mark::kBytes, "assay/audit/packet/v", "packets of sampled products", read_packets},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::audit
