-- AlterTable
ALTER TABLE "command" ADD COLUMN     "made_commit" TEXT,
ADD COLUMN     "made_tree" TEXT;
