#include "answer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "archive.h"
#include "view_fields.h"

namespace postern::inspect {

namespace {

/// `inside`, unless there is an error.
struct Answer {
  int error_number = 0;
  std::string error;  // empty: none
  Inside inside;
};

template <class Archive>
void fields(Archive& archive, Answer& answer) {
  archive(answer.error_number, answer.error, answer.inside.view, answer.inside.listener_inodes);
}

template <class Archive>
void rule_fields(Archive& archive, NamespaceView& rules) {
  archive(rules.chains, rules.chains_left_off, rules.unread);
}

/// "within 5s", "in 512 MiB"
std::string too_much_for(const Errand& errand, const Limits& limits) {
  if (errand.ending == Errand::Ending::late)
    return fmt::format("within {}", std::chrono::duration_cast<std::chrono::seconds>(limits.time));
  return fmt::format("in {} MiB", limits.memory_bytes >> 20);
}

void add_rules(Reader& reader, const Errand& errand, const Limits& limits, NamespaceView& view) {
  NamespaceView rules;
  rule_fields(reader, rules);
  if (!reader.done()) {
    view.unread.push_back(fmt::format("rules of nftables: too many to list {}", too_much_for(errand, limits)));
    return;
  }
  view.chains = std::move(rules.chains);
  view.chains_left_off = rules.chains_left_off;
  for (std::string& line : rules.unread) view.unread.push_back(std::move(line));
}

}  // namespace

std::string tell(Result<Inside> seen) {
  Answer answer;
  if (seen) {
    answer.inside = std::move(*seen);
  } else {
    answer.error_number = seen.error().code.value();
    answer.error = seen.error().context;
  }
  Writer writer;
  fields(writer, answer);
  return writer.bytes();
}

std::string tell_rules(NamespaceView& rules) {
  Writer writer;
  rule_fields(writer, rules);
  return writer.bytes();
}

Result<Inside> understand(const Errand& errand, const Limits& limits, Depth depth) {
  Answer answer;
  Reader reader(errand.brought);
  fields(reader, answer);
  if (!reader.good()) return fail(fmt::format("inspect: it did not answer {}", too_much_for(errand, limits)));
  if (!answer.error.empty()) return Failure(Error{{answer.error_number, std::system_category()}, answer.error});
  if (depth == Depth::whole) add_rules(reader, errand, limits, answer.inside.view);
  return std::move(answer.inside);
}

}  // namespace postern::inspect
