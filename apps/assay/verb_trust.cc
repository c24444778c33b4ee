// `assay trust`: the verifier's own list of public parameters.
#include <fmt/format.h>

#include <optional>

#include "arguments.h"
#include "base/file.h"
#include "base/new_directory.h"
#include "base/try.h"
#include "parameters.h"
#include "program.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct TrustOptions {
  std::string what;
  std::string label;
};

Result<fs::path> list_path() {
  fs::path path = trust_file();
  if (!path.empty()) return path;
  return Error{ErrorCode::kMalformed, "", "no place for the list: set ASSAY_TRUST_FILE or HOME"};
}

// 64 hexadecimal digits are a digest; a file of such a name goes by ./NAME. Of a file
// that is to be trusted the parameters are looked at.
Result<Digest> digest_of(const std::string& what, bool to_be_trusted) {
  const Result<Digest> digest = parse_digest(what, "");
  if (digest.ok()) return *digest;
  const auto checker = ASSAY_TRY(claim::read_checker(what));
  if (const Verdict checked = to_be_trusted ? checker->check_parameters() : Verdict::accepted();
      !checked.ok())
    return Error{ErrorCode::kMismatch, what,
                 checked.reason() + ": anybody can open to anything under it; use others"};
  return *checker->setup_digest();  // what is read from a file has one
}

Result<int> run_add(const TrustOptions& options, const Console& console) {
  const fs::path path = ASSAY_TRY(list_path());
  const Digest digest = ASSAY_TRY(digest_of(options.what, true));
  claim::TrustList list = ASSAY_TRY(claim::TrustList::read(path));
  ASSAY_TRY(list.add(digest, options.label));
  std::optional<NewDirectory> made;
  if (path.has_parent_path()) made.emplace(ASSAY_TRY(NewDirectory::create(path.parent_path())));
  ASSAY_TRY(list.write(path));
  return console.report(
      {{"srs_digest", to_hex(digest)}, {"label", options.label}, {"list", path.string()}},
      {fmt::format("{} is trusted as '{}'", to_hex(digest), options.label), "written to " + path.string()});
}

Result<int> run_remove(const TrustOptions& options, const Console& console) {
  const fs::path path = ASSAY_TRY(list_path());
  const Digest digest = ASSAY_TRY(digest_of(options.what, false));
  claim::TrustList list = ASSAY_TRY(claim::TrustList::read(path));
  if (!list.remove(digest))
    return Error{ErrorCode::kMismatch, path.string(), to_hex(digest) + " is not in the list"};
  ASSAY_TRY(list.write(path));
  return console.report({{"srs_digest", to_hex(digest)}, {"list", path.string()}},
                        {to_hex(digest) + " is no longer trusted", "written to " + path.string()});
}

Result<int> run_list(const TrustOptions& /*options*/, const Console& console) {
  const fs::path path = ASSAY_TRY(list_path());
  const claim::TrustList list = ASSAY_TRY(claim::TrustList::read(path));
  Json json;
  json["list"] = path.string();
  json["trusted"] = Json::array();
  std::vector<std::string> lines;
  for (const claim::TrustList::Entry& entry : list.entries()) {
    json["trusted"].push_back({{"srs_digest", to_hex(entry.digest)}, {"label", entry.label}});
    lines.push_back(fmt::format("{} {}", to_hex(entry.digest), entry.label));
  }
  if (lines.empty()) lines.push_back("no parameters are trusted: " + path.string());
  return console.report(json, lines);
}

}  // namespace

void add_trust(Program& program) {
  program.add_group("trust", "Keep your own list of public parameters that you trust");

  const auto [add_verb, add] = program.add("trust add", "Put parameters on your list of trusted ones",
                                           "assay trust add six.vk --label \"made here on Monday\"", run_add);
  add_option(add_verb, "what FILE|DIGEST", add.what, "a .vk or .srs file, or the digest of one")->required();
  add_option(add_verb, "--label TEXT", add.label, "the name that verdicts give them")->required();

  program.add("trust list", "Show the list", "assay trust list --json", run_list);

  const auto [remove_verb, remove] =
      program.add("trust remove", "Take parameters off the list", "assay trust remove six.vk", run_remove);
  add_option(remove_verb, "what FILE|DIGEST", remove.what, "a .vk or .srs file, or the digest of one")
      ->required();
}

}  // namespace assay::cli
