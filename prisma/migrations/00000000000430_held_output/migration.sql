-- AlterTable
ALTER TABLE "command" ADD COLUMN     "held_stderr" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "held_stdout" TEXT NOT NULL DEFAULT '';
