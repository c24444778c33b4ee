#include "assay/audit_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "base/append_file.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/new_directory.h"
#include "base/try.h"

namespace assay::audit {
namespace {

constexpr const char* kOutcomes = "outcomes";
constexpr const char* kChallenge = ".challenge";

ByteSpan bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Writes what is there once for all. Errors: kMismatch, with `reason`, where it is there already.
Status keep_once(const std::filesystem::path& path, ByteSpan bytes, const char* reason) {
  Status written = write_private_file(path, bytes, AtomicFile::Existing::kKeep);
  if (written.ok() || written.error().code != ErrorCode::kMismatch) return written;
  return Error{ErrorCode::kMismatch, path.string(), reason};
}

}  // namespace

Result<PublicKey> read_provider(const std::filesystem::path& path) { return read_public_key(path); }
Digest provider_id(const PublicKey& provider) { return key_id_of(provider); }

Record Record::open(const std::filesystem::path& folder) { return Record(folder); }

Result<Challenge> Record::draw(const SignedHead& head, const PublicKey& provider, const Drawing& drawing,
                               const Reference* reference, const World& world) const {
  if ((drawing.tokens == 0) == (drawing.risk == 0))
    return Error{ErrorCode::kMalformed, "", "exactly one of tokens and risk is needed"};
  if (!head.is_signed_by(provider))
    return Error{ErrorCode::kMismatch, "head", "this provider did not sign this head"};
  if (reference != nullptr && reference->manifest() != head.head().manifest)
    return Error{ErrorCode::kMismatch, "head",
                 fmt::format("it is of the weights {}, not of {}", to_hex(head.head().manifest),
                             to_hex(reference->manifest()))};
  Challenge::Budget budget{drawing.tokens, drawing.attention_blocks, drawing.blocks};
  if (drawing.tokens == 0) budget.tokens = ASSAY_TRY(tokens_for(drawing.risk, drawing.share));
  // What is not looked at need not be opened.
  if (reference != nullptr && !reference->attention_left_out().empty()) budget.attention_blocks = 0;
  Challenge challenge = ASSAY_TRY(Challenge::draw(head.head(), budget, world));
  ASSAY_TRY(keep(head.head(), challenge));
  return challenge;
}

Status Record::keep(const Head& head, const Challenge& challenge) const {
  const std::string digest = to_hex(challenge.head);
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(folder_));
  if (head.nonce != Digest{}) {
    const std::filesystem::path path = folder_ / (to_hex(head.nonce) + ".nonce");
    Status first = keep_once(path, bytes_of(digest), "a challenge was drawn for a head with this nonce");
    if (!first.ok()) return first;
  }
  return keep_once(folder_ / (digest + kChallenge), challenge.encode(),
                   "a challenge was drawn for this head");
}

Status Record::require_drawn(const Challenge& challenge) const {
  const std::filesystem::path path = folder_ / (to_hex(challenge.head) + kChallenge);
  std::error_code failure;
  if (!std::filesystem::exists(path, failure))
    return Error{ErrorCode::kMismatch, folder_.string(), "no challenge was drawn for this head"};
  if (ASSAY_TRY(read_file(path, Challenge::kMaxBytes)) == challenge.encode()) return {};
  return Error{ErrorCode::kMismatch, path.string(), "another challenge was drawn for this head"};
}

Result<Verdict> Record::check(const SignedHead& head, const Openings* openings, const Expectation& expected,
                              const Reference& reference) const {
  ASSAY_TRY(require_drawn(expected.challenge));
  Expectation drawn = expected;
  drawn.drawn_here = true;
  Verdict verdict = ASSAY_TRY(audit::check(head, openings, drawn, reference));
  ASSAY_TRY(note(provider_id(expected.provider), expected.challenge.head, verdict));
  return verdict;
}

Status Record::note(const Digest& provider, const Digest& head, const Verdict& verdict) const {
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(folder_));
  AppendFile file = ASSAY_TRY(AppendFile::open(folder_ / kOutcomes));
  return file.append(
      bytes_of(fmt::format("{} {} {} {}\n", to_hex(provider), to_hex(head), to_string(verdict.outcome()),
                           verdict.ok() ? "-" : verdict.step())));
}

Result<std::vector<Record::Line>> Record::lines() const {
  std::vector<Line> lines;
  const std::filesystem::path path = folder_ / kOutcomes;
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) return lines;
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  Line one;
  while (text >> one.provider >> one.head >> one.outcome && std::getline(text >> std::ws, one.step))
    lines.push_back(one);
  return lines;
}

Result<Record::Tally> Record::tally(const Digest& provider) const {
  std::map<std::string, Line> last;  // by head: whoever looks again at an answer counts it once
  for (Line& one : ASSAY_TRY(lines()))
    if (one.provider == to_hex(provider)) last.insert_or_assign(one.head, std::move(one));
  Tally tally;
  for (const auto& [head, one] : last) {
    if (one.outcome == to_string(Outcome::kAccepted)) {
      ++tally.accepted;
    } else if (one.outcome == to_string(Outcome::kRejected)) {
      ++tally.rejected;
      if (one.step == "missing") ++tally.missing;
    } else if (one.outcome == to_string(Outcome::kInconclusive)) {
      ++tally.inconclusive;
    } else {
      return Error{ErrorCode::kMalformed, (folder_ / kOutcomes).string(), "an outcome that is none"};
    }
  }
  return tally;
}

Result<std::vector<Digest>> Record::providers() const {
  std::set<Digest> providers;
  for (const Line& one : ASSAY_TRY(lines())) {
    const std::string place = (folder_ / kOutcomes).string();
    const Bytes bytes = ASSAY_TRY(from_hex(one.provider, place));
    Digest digest{};
    if (bytes.size() != digest.size()) return Error{ErrorCode::kMalformed, place, "a provider that is none"};
    std::ranges::copy(bytes, digest.begin());
    providers.insert(digest);
  }
  return std::vector<Digest>(providers.begin(), providers.end());
}

}  // namespace assay::audit
